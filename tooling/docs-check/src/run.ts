import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { sources } from "./packages.js";

/**
 * Runs a file in a Node of its own and an empty folder, with the packages' sources, and answers the lines that it printed.
 * Fails when it fails, and when it has not ended by itself within a minute.
 */
export async function run(file: string, environment: Record<string, string>): Promise<string[]> {
  const bundle = file.replace(/\.\w+$/, ".run.mjs");
  const packages = sources();
  await build({
    entryPoints: [file],
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    // As it is written: what this Node does not know is an error.
    target: "esnext",
    packages: "external",
    plugins: [
      {
        name: "sources",
        setup({ onResolve }) {
          onResolve({ filter: /^@chatkeep\// }, ({ path: name }) => {
            const path = packages.get(name);
            return path === undefined ? undefined : { path };
          });
        },
      },
    ],
  });
  const cwd = await mkdtemp(join(tmpdir(), "chatkeep-docs-"));
  try {
    const options = { cwd, timeout: 60_000, env: { PATH: process.env.PATH, ...environment } };
    const { stdout } = await promisify(execFile)(process.execPath, [bundle], options);
    return stdout.split("\n").slice(0, -1);
  } finally {
    await rm(cwd, { recursive: true });
  }
}
