import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { bytesAtOnce } from "../src/bundle-size.js";
import { publicPackages, readManifest, run } from "../src/packages.js";

/** The most that each entry may have, in bytes: its own code, minified and compressed. A tenth above what it had. */
const budgets: Readonly<Record<string, number>> = {
  "@chatkeep/chat-store-conformance": 33_000,
  "@chatkeep/chat-store-conformance/vitest": 29_500,
  "@chatkeep/chat-store-core": 13_300,
  "@chatkeep/chat-store-core/backend": 19_900,
  "@chatkeep/chat-store-core/openai": 2_800,
  "@chatkeep/chat-store-azure": 12_700,
  "@chatkeep/chat-store-dynamodb": 10_700,
  "@chatkeep/chat-store-postgres": 13_900,
  "@chatkeep/chat-store-redis": 15_600,
  "@chatkeep/chat-store-tablestore": 8_300,
  "@chatkeep/chat-store-upstash": 14_900,
};

const entries = publicPackages().flatMap(({ name, folder }) =>
  Object.entries(readManifest(folder).exports).flatMap(([subpath, target]) => {
    const module = (target as { import?: { default: string } }).import?.default;
    return module === undefined ? [] : [{ entry: join(name, subpath), folder, module }];
  }),
);

describe.each(entries)("$entry", ({ entry, folder, module }) => {
  it("is within its budget", async () => {
    const size = await bytesAtOnce(folder, module);
    expect(size).toBeLessThanOrEqual(budgets[entry] ?? 0);
    // The measuring measures.
    expect(size).toBeGreaterThan((budgets[entry] ?? 0) * 0.7);
  });

  it("adds nothing to a bundle that uses nothing of it", async () => {
    const bundled = async (contents: string) => {
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: import.meta.dirname },
        bundle: true,
        write: false,
        minify: true,
        format: "esm",
        platform: "neutral",
        external: ["node:*"],
        packages: "external",
        alias: { [entry]: join(folder, module) },
        logLevel: "error",
      });
      return outputFiles[0]!.text.trim();
    };
    expect(await bundled(`import ${JSON.stringify(entry)};`)).toBe("");
    expect(await bundled(`import * as all from ${JSON.stringify(entry)};`)).toBe("");
    expect(await bundled(`import * as all from ${JSON.stringify(entry)}; console.log(all);`)).not.toBe("");
  });

  it("does nothing when it is loaded but define what it exports", async () => {
    // What other packages do is theirs: they are loaded before.
    const { dependencies, peerDependencies } = readManifest(folder);
    const others = Object.keys({ ...dependencies, ...peerDependencies }).filter(
      (name) => !name.startsWith("@chatkeep/"),
    );
    const program = `
      const parts = { globalThis, process, Object, Array, Function, Promise, Map, Set, String, Number, RegExp, Error, Symbol, Date, Uint8Array, URL };
      const look = () => [
        ...Object.entries(parts).flatMap(([name, part]) => [part, part.prototype].filter(Boolean).flatMap((object) =>
          Reflect.ownKeys(object).map((key) => name + "." + String(key)))),
        ...process.eventNames().map((name) => String(name) + " has " + process.listenerCount(name)),
        ...Object.entries(process.env).map(String),
        Error.stackTraceLimit,
      ];
      for (const other of ${JSON.stringify(others)}) await import(other);
      const before = new Set(look());
      await import(${JSON.stringify(join(folder, module))});
      console.log(JSON.stringify(look().filter((each) => !before.has(each))));`;
    const printed = await run(folder, process.execPath, "--input-type=module", "--eval", program);
    expect(JSON.parse(printed)).toEqual([]);
  });
});
