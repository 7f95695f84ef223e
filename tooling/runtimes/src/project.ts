import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack, publicPackages, run, temporaryFolder } from "@chatkeep/package-checks/packages";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A project of a user's, outside of the workspace, with all published packages as their tarballs have them. */
export async function userProject(): Promise<string> {
  const project = await temporaryFolder();
  const tarballs: string[] = [];
  for (const { folder } of publicPackages()) tarballs.push(await pack(folder, project));
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  await run(project, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", ...tarballs);
  for (const path of ["./process-entry.mjs", "./worker-entry.mjs", "./page-entry.mjs", "./run-kit.mjs", "./subjects"]) {
    await cp(here(path), join(project, path), { recursive: true });
  }
  return project;
}
