import { copyFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack, publicPackages, run, temporaryFolder } from "@chatkeep/package-checks/packages";

/** A project of a user's, outside of the workspace, with all published packages as their tarballs have them. */
export async function userProject(): Promise<string> {
  const project = await temporaryFolder();
  const tarballs: string[] = [];
  for (const { folder } of publicPackages()) tarballs.push(await pack(folder, project));
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  await run(project, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", ...tarballs);
  for (const file of ["./kit.mjs", "./subjects.mjs"]) {
    await copyFile(fileURLToPath(new URL(file, import.meta.url)), join(project, basename(file)));
  }
  return project;
}
