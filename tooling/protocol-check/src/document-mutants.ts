import type { Mutant } from "./mutants.js";
import { broughtTwice, expiredMeanwhile, forgottenForeign, nothingAtFirst } from "./small-document-programs.js";

const told = /lost|doubled|resurrected|stale-read|torn|wrong|taken-twice|reordered|retry-answered/;
const driver = "document/document-driver.ts";

export const documentMutants: readonly Mutant[] = [
  {
    name: "a retry does not look for its own id",
    edits: [
      {
        file: driver,
        find: "if (applied !== undefined) {",
        replace: "if (applied !== undefined && operation.fromCaller) {",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a caller's id is not looked for",
    edits: [
      {
        file: driver,
        find: "if (applied !== undefined) {",
        replace: "if (applied !== undefined && !operation.fromCaller) {",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a write is taken for refused although it may have left the window",
    edits: [
      {
        file: "document/marker.ts",
        find: "return later.life === earlier.life && later.operations.some(({ id }) => id === newest);",
        replace: "return later.life === earlier.life && newest !== later.text;",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a refusal counts although the request was sent twice",
    edits: [
      { file: driver, find: "if (result.sentOnce && again === undefined) {", replace: "if (again === undefined) {" },
    ],
    found: told,
    most: 20_000,
  },
  {
    name: "whatever has come since, what was to be forgotten is taken for it",
    edits: [{ file: driver, find: "if (forgets && (!state.exists || livesAnew))", replace: "if (forgets)" }],
    found: told,
    most: 20_000,
  },
  {
    name: "a conversation of another program that gets a marker is taken for a new one",
    edits: [
      {
        file: driver,
        find: "livesAnew = base.marker !== undefined && state.marker !== undefined && state.marker.life !== base.marker.life;",
        replace: "livesAnew = state.marker !== undefined && state.marker.life !== base.marker?.life;",
      },
    ],
    found: told,
    program: forgottenForeign,
    most: 6_000,
  },
  {
    name: "another process's answer to the operation is taken for one's own",
    edits: [
      {
        file: "document/marker.ts",
        find: "if (later === undefined || at < 0 || later.life !== life) return false;",
        replace: "return at >= 0;",
      },
    ],
    found: /retry-answered/,
    program: broughtTwice,
    most: 6_000,
  },
  {
    name: "a caller's operation that found nothing is not remembered",
    edits: [{ file: driver, find: "(!operation.fromCaller || !exists ||", replace: "(exists || !exists ||" }],
    found: /retry-answered/,
    program: nothingAtFirst,
    most: 6_000,
  },
  {
    name: "a write that is sent again is planned anew",
    edits: [{ file: driver, find: "const again = tries.uncertain?.planned;", replace: "const again = undefined;" }],
    found: /foreign|lost|Invalid index|wrong/,
    program: expiredMeanwhile,
    most: 20_000,
  },
  {
    name: "a write that is sent again is made from what has not expired",
    edits: [
      {
        file: driver,
        find: "{ ...applied(change.do, old), marker",
        replace: "{ ...applied(change.do, this.#isOver(state.expiresAt) ? [] : old), marker",
      },
    ],
    found: /Invalid index/,
    program: expiredMeanwhile,
    most: 6_000,
  },
  {
    name: "a write goes on with a history that has expired",
    edits: [{ file: driver, find: "!exists || isOver ? [] :", replace: "!exists ? [] :" }],
    found: /gone on with/,
    most: 6_000,
  },
  {
    name: "what is alive is purged",
    edits: [
      {
        file: driver,
        find: "if (expiresAt === undefined || !this.#isOver(expiresAt)) continue;",
        replace: "if (expiresAt === undefined) continue;",
      },
    ],
    found: /before it expired/,
    most: 6_000,
  },
];
