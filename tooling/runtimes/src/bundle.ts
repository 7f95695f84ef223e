import { join } from "node:path";
import { build } from "esbuild";
import type { StoreName } from "./stores.js";

/** An entry and a store's subject in one file, out of a project with the packages installed. What only Node has is an error. */
export async function bundle(project: string, entry: string, store: StoreName, conditions: string[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(project, entry)],
    absWorkingDir: project,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions,
    alias: { subject: join(project, "subjects", `${store}.mjs`) },
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}
