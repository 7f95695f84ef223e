import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, root, textOf } from "../src/blocks.js";

/** All code of a package, in TypeScript and Lua. */
function sourceOf(folder: string): string {
  const src = join(root, "packages", folder, "src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((path) => /\.(ts|lua)$/.test(path));
  return files.map((path) => readFileSync(join(src, path), "utf8")).join("\n");
}

const errors = readFileSync(join(root, "packages/core/src/errors.ts"), "utf8");
const codes = [...errors.matchAll(/\| "([A-Z_]+)"/g)].map(([, code = ""]) => code);
const core = sourceOf("core").replace(errors, "");
/** Bundled into both stores on Redis. */
const layoutsOnRedis = sourceOf("redis-layouts");
/** They mean the same whatever the store: core's README has them for all. */
const alike = ["INVALID_ARGUMENT", "ABORTED"];

const isIn = (source: string) => (code: string) => source.includes(`"${code}"`);

/** The table of a README: the codes of its rows, and what it calls by a service's own name, in capitals. */
function table(document: string): { rows: string[]; names: string[] } {
  const [, text = ""] = /^## Troubleshooting\n(.*?)^## /ms.exec(textOf(document)) ?? [];
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  const rows = lines.flatMap((line) => /^\| `([A-Z_]+)`/.exec(line)?.[1] ?? []);
  const words = [...lines.join("\n").matchAll(/`([A-Z][A-Z_\d]+)`/g)].map(([, word = ""]) => word);
  return { rows, names: words.filter((word) => !rows.includes(word)) };
}

describe("troubleshooting", () => {
  it("of core has all codes there are, and each can be thrown", () => {
    expect(codes.length).toBeGreaterThan(10);
    expect(table("packages/core/README.md").rows.toSorted()).toEqual(codes.toSorted());
    expect(codes.filter(isIn(core)).toSorted()).toEqual(codes.toSorted());
  });

  it.each(documents().filter((path) => path.startsWith("packages/store-")))(
    "of %s has the codes that the store itself throws, and none that can't come",
    (document) => {
      const own = sourceOf(document.split("/")[1] ?? "");
      const bundled = own.includes("@chatkeep/redis-layouts") ? layoutsOnRedis : "";
      const { rows, names } = table(document);
      const thrown = codes.filter(isIn(own + bundled));
      expect(thrown.length).toBeGreaterThan(3);
      expect(thrown.filter((code) => !rows.includes(code) && !alike.includes(code))).toEqual([]);
      expect(rows.filter((code) => !codes.includes(code) || !isIn(own + bundled + core)(code))).toEqual([]);
      // What it calls by the service's own name is known to the code.
      expect(names.filter((name) => !(own + bundled).includes(name))).toEqual([]);
    },
  );
});
