import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";
import type { DocumentDriver, HeadDriver } from "@chatkeep/chat-store-core/backend";
import { build } from "esbuild";
import type { LlamaIndexLayout } from "../../../packages/store-azure/src/llamaindex-layout.js";
import type { Requests } from "../../../packages/store-azure/src/requests.js";

/** A change of the text of the sources. */
export interface Edit {
  /** The end of its path in packages/core or packages/store-azure. */
  file: string;
  /** Occurs exactly once. */
  find: string;
  replace: string;
}

/** What is checked of the packages. */
export interface Sources {
  HeadDriver: typeof HeadDriver;
  DocumentDriver: typeof DocumentDriver;
  LlamaIndexLayout: typeof LlamaIndexLayout;
  Requests: typeof Requests;
}

const packages = fileURLToPath(new URL("../../../packages", import.meta.url));
const core = `${packages}/core/src/backend.ts`;
const entry = `
  export { HeadDriver, DocumentDriver } from "${core}";
  export { LlamaIndexLayout } from "${packages}/store-azure/src/llamaindex-layout.ts";
  export { Requests } from "${packages}/store-azure/src/requests.ts";
`;

/** In the world no time passes but its own: pauses are over at once, and no request takes so long that its time is over. */
const timers = `
  const timerOfTheWorld = (run, ms) => { if (ms < 10_000) Promise.resolve().then(run); };
  const noTimerLeft = () => {};
`;

/** The sources as they are, but for some edits. */
export async function sourcesWith(edits: readonly Edit[]): Promise<Sources> {
  const made = new Set<Edit>();
  const result = await build({
    stdin: { contents: entry, resolveDir: packages },
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    logLevel: "error",
    alias: { "@chatkeep/chat-store-core/backend": core },
    define: { setTimeout: "timerOfTheWorld", clearTimeout: "noTimerLeft" },
    banner: { js: timers },
    plugins: [
      {
        name: "edits",
        setup({ onLoad }) {
          onLoad({ filter: /\/packages\/(?:core|store-azure)\/src\/.*\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, "utf8");
            for (const edit of edits) {
              if (!path.endsWith(`/${edit.file}`)) continue;
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
  const module: { exports?: Sources } = {};
  compileFunction(result.outputFiles[0]?.text ?? "", ["module", "require"])(module, createRequire(import.meta.url));
  if (module.exports === undefined) throw new Error("The bundle exports nothing.");
  return module.exports;
}
