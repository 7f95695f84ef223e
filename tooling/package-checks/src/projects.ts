import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runWith, temporaryFolder } from "./packages.js";

/** A fresh project outside of the workspace, with what npm installs of names and tarballs. */
export async function npmProject(...packages: readonly string[]): Promise<string> {
  const project = await temporaryFolder();
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true }));
  await run(project, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline", ...packages);
  return project;
}

/** Writes a program into a project, runs it in Node, and answers what it printed. */
export async function runIn(
  project: string,
  file: string,
  program: string,
  { flags = [], variables = {} }: { flags?: readonly string[]; variables?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  await writeFile(join(project, file), program);
  return (await runWith(variables, project, process.execPath, ...flags, file)).trim();
}

export const remove = (folder: string | undefined): Promise<void> =>
  folder === undefined ? Promise.resolve() : rm(folder, { recursive: true, force: true });

/** Files for a compiler, by name, in a folder of a project's. */
export async function sourceFolder(
  project: string,
  name: string,
  files: ReadonlyMap<string, string>,
  compilerOptions: object,
): Promise<string> {
  const folder = join(project, name);
  await mkdir(folder);
  for (const [file, text] of files) await writeFile(join(folder, file), text);
  const settings = { compilerOptions: { ...strict, ...compilerOptions }, files: [...files.keys()] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  return folder;
}

const strict = {
  target: "ES2022",
  lib: ["ES2022"],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
};
