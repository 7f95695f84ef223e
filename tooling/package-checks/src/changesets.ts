import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readManifest, run } from "./packages.js";

const changesets = fileURLToPath(new URL("../../../.changeset/", import.meta.url));

/** The packages that the changesets at hand will release. */
export async function namedByChangesets(): Promise<string[]> {
  const files = (await readdir(changesets)).filter((file) => file.endsWith(".md"));
  const texts = await Promise.all(files.map((file) => readFile(join(changesets, file), "utf8")));
  return texts.flatMap((text) => [...text.matchAll(/^"(.+)": (?:major|minor|patch)$/gm)].map(([, name = ""]) => name));
}

/** Whether something in a package's folder is not as it was when the package got its version. */
export async function changedSinceRelease(folder: string, path: string): Promise<boolean> {
  if (readManifest(folder).version === "0.0.0") return true;
  if ((await run(folder, "git", "rev-parse", "--is-shallow-repository")).trim() === "true") {
    throw new Error("What has changed since a release can't be told in a shallow clone: fetch the whole history.");
  }
  const released = await run(folder, "git", "log", "-1", "--format=%H", "-G", '^  "version": ', "--", "package.json");
  return (await run(folder, "git", "diff", "--name-only", released.trim(), "--", path)).trim() !== "";
}
