import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import { build } from "esbuild";
import type { HeadDriverConstructor } from "./program.js";

/** A change of the text of the sources. */
export interface Edit {
  /** In packages/core/src/backend/head. */
  file: string;
  /** Occurs exactly once. */
  find: string;
  replace: string;
}

const entry = fileURLToPath(new URL("../../../packages/core/src/backend.ts", import.meta.url));

/** The protocol as it is in the sources, but for some edits. */
export async function driverWith(edits: readonly Edit[]): Promise<HeadDriverConstructor> {
  const made = new Set<Edit>();
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "iife",
    globalName: "mutated",
    logLevel: "error",
    plugins: [
      {
        name: "edits",
        setup({ onLoad }) {
          onLoad({ filter: /backend\/head\/[\w-]+\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, "utf8");
            for (const edit of edits) {
              if (edit.file !== basename(path)) continue;
              const times = contents.split(edit.find).length - 1;
              if (times !== 1) throw new Error(`${edit.file} has ${times} times: ${edit.find}`);
              contents = contents.replace(edit.find, () => edit.replace);
              made.add(edit);
            }
            return { contents, loader: "ts" };
          });
        },
      },
    ],
  });
  if (made.size < edits.length) throw new Error("An edit names a file that is not there.");
  const exports = runInThisContext(`${result.outputFiles[0]?.text}; mutated`) as { HeadDriver: HeadDriverConstructor };
  return exports.HeadDriver;
}
