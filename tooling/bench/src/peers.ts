import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CACHE, fetchOnce, run } from "@chatkeep/test-servers";

const here = (file: string) => fileURLToPath(new URL(`../peers/${file}`, import.meta.url));
const files = ["package.json", "package-lock.json", "load.mjs"];

/** The folder in which the other libraries are installed, by their lockfile, without their install scripts. */
export async function installPeers(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(here(file)));
  const folder = join(CACHE, "bench", `peers-${hash.digest("hex").slice(0, 16)}`);
  await fetchOnce(folder, async (draft) => {
    for (const file of files) await copyFile(here(file), join(draft, file));
    await run("npm", ["ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--silent"], {
      cwd: draft,
    });
  });
  return folder;
}

/** A module of a library in that folder. Each caller says which part of it it uses. */
export type LoadPeer = <Module>(name: string) => Promise<Module>;

export async function peerLoader(folder: string): Promise<LoadPeer> {
  const { load } = (await import(pathToFileURL(join(folder, "load.mjs")).href)) as { load: LoadPeer };
  return load;
}

export async function peerVersions(folder: string): Promise<Record<string, string>> {
  const { dependencies } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  return dependencies;
}
