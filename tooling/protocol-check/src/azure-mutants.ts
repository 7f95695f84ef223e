import type { Mutant } from "./mutants.js";
import {
  appendedWhileTidied,
  deletedWhileEdited,
  deletedWhileRead,
  insertedWhileTidied,
  largeEdit,
} from "./small-azure-programs.js";

const told = /lost|doubled|resurrected|stale-read|torn|wrong|taken-twice|reordered|retry-answered/;
const layout = "llamaindex-layout.ts";

export const azureMutants: readonly Mutant[] = [
  {
    name: "what has ended has the marker of the living",
    edits: [
      {
        file: layout,
        find: "this.#end(key, found, noMarker, context)",
        replace: "this.#end(key, found, markerOf(found) ?? noMarker, context)",
      },
    ],
    found: told,
    program: deletedWhileEdited,
    most: 2_000,
  },
  {
    name: "what was tidied is taken as it is found then",
    edits: [
      {
        file: layout,
        find: "await this.#tables.chat.transact(actions, context);\n    return undefined;",
        replace:
          "const { applied } = await this.#tables.chat.transact(actions, context);\n    return applied ? this.#load(key, context) : undefined;",
      },
    ],
    found: told,
    program: appendedWhileTidied,
    most: 2_000,
  },
  {
    name: "a change goes by places of messages that have moved since",
    edits: [{ file: layout, find: " || (found !== undefined && !hasAll(found, items))", replace: "" }],
    found: told,
    program: insertedWhileTidied,
    most: 2_000,
  },
  {
    name: "a large change leaves what it should replace at the end",
    edits: [{ file: layout, find: " && tail[i]?.rowKey === item.rowKey", replace: "" }],
    found: told,
    program: largeEdit,
    most: 100,
  },
  {
    name: "the anchor is changed whatever it is",
    edits: [
      {
        file: layout,
        find: 'rowKey, ...mark }, "Merge", { etag }]',
        replace: 'rowKey, ...mark }, "Merge", { etag: etag.length > 0 ? "*" : etag }]',
      },
    ],
    found: told,
    most: 2_000,
  },
  {
    name: "pages are put together without a look whether they are of one moment",
    edits: [{ file: layout, find: "if (pages > 1) {", replace: "if (pages < 1) {" }],
    found: told,
    most: 2_000,
  },
  {
    name: "what is being written is shown",
    edits: [
      {
        file: "llamaindex-partition.ts",
        find: "return row === anchor || !chatkeepPending || row.chatkeepPending !== chatkeepPending;",
        replace: "return true;",
      },
    ],
    found: told,
    most: 2_000,
  },
  {
    name: "what others count is overwritten",
    edits: [
      {
        file: "llamaindex-counts.ts",
        find: '["update", entity, "Replace", { etag }]',
        replace: '["update", entity, "Replace", { etag: "*" }]',
      },
    ],
    found: /count of/,
    watch: true,
    most: 2_000,
  },
  {
    name: "what a large change leaves is not tidied up",
    edits: [
      {
        file: layout,
        find: "if (!ended && !isMoved && !isPending) return partition;",
        replace: "if (!ended && !isMoved) return partition;",
      },
    ],
    found: /Python reads|doubled|wrong|lost|torn/,
    watch: true,
    most: 2_000,
  },
  {
    name: "what a read has found before a write is taken for what the write left",
    edits: [
      {
        file: layout,
        find: "remembered?.anchor.etag === result.etag ? remembered : undefined",
        replace: "remembered",
      },
    ],
    found: /Python reads/,
    watch: true,
    program: deletedWhileRead,
    most: 2_000,
  },
];
