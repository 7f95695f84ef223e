import { fileURLToPath } from "node:url";
import { type BuildResult, build } from "esbuild";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The worker in one file. What only Node has is an error. */
export function bundle(): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    entryPoints: [here("worker.js")],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker"],
    external: ["js-tiktoken/*"],
    alias: {
      "@chatkeep/chat-store-core": here("../../../core/src/index.ts"),
      "@chatkeep/chat-store-core/backend": here("../../../core/src/backend.ts"),
    },
  });
}
