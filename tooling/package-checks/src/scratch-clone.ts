import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publicPackages, readManifest, run, temporaryFolder, workspaceBin } from "./packages.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
export const folders = publicPackages().map(({ folder }) => basename(folder));

/** A clone of the repository in which the changesets at hand have become versions, as a release does it. */
export class ScratchClone {
  private constructor(readonly folder: string) {}

  static async make(): Promise<ScratchClone> {
    const clone = join(await temporaryFolder(), "clone");
    await run(root, "git", "clone", "--quiet", "--local", root, clone);
    // Packages and changesets as they are here, committed or not.
    await run(root, "cp", "-r", ".changeset", clone);
    for (const each of folders) await run(root, "cp", `packages/${each}/package.json`, `${clone}/packages/${each}`);
    await run(clone, "git", "config", "user.name", "x");
    await run(clone, "git", "config", "user.email", "x");
    await run(clone, workspaceBin("changeset"), "version");
    await run(clone, "git", "add", "--all");
    await run(clone, "git", "commit", "--quiet", "--allow-empty", "--message", "Release");
    await run(clone, "git", "tag", "first");
    return new ScratchClone(clone);
  }

  /** The versions of the published packages. */
  versions(): Record<string, string> {
    return Object.fromEntries(
      folders.map((each) => {
        const { name, version } = readManifest(join(this.folder, "packages", each));
        return [name, version];
      }),
    );
  }

  /** The versions that change when a package does. */
  async release(name: string, step: "major" | "minor" | "patch"): Promise<Record<string, string>> {
    await this.reset();
    const before = this.versions();
    await writeFile(join(this.folder, ".changeset/one.md"), `---\n"${name}": ${step}\n---\n\nA change.\n`);
    await run(this.folder, workspaceBin("changeset"), "version");
    return Object.fromEntries(Object.entries(this.versions()).filter(([each, version]) => before[each] !== version));
  }

  /** Back to the release of the changesets at hand. */
  async reset(): Promise<void> {
    await run(this.folder, "git", "reset", "--hard", "--quiet", "first");
  }

  /** What packing needs: the packages must find each other. */
  async install(): Promise<void> {
    const flags = ["--frozen-lockfile", "--prefer-offline", "--ignore-scripts"];
    await run(this.folder, workspaceBin("pnpm"), "install", ...flags);
  }

  remove(): Promise<void> {
    return rm(join(this.folder, ".."), { recursive: true });
  }
}
