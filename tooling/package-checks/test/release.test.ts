import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namedByChangesets } from "../src/changesets.js";
import { publicPackages, readManifest, run, temporaryFolder, workspaceBin } from "../src/packages.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const core = "@chatkeep/chat-store-core";
const folders = publicPackages().map(({ folder }) => basename(folder));
const stores = publicPackages().filter(({ folder }) => basename(folder).startsWith("store-"));

describe("a release, tried on a scratch clone", () => {
  let clone: string;
  const changeset = workspaceBin("changeset");

  const versions = () =>
    Object.fromEntries(
      folders.map((folder) => {
        const { name, version } = readManifest(join(clone, "packages", folder));
        return [name, version];
      }),
    );

  /** The versions that change when a package does. */
  async function release(name: string, step: "major" | "minor" | "patch"): Promise<Record<string, string>> {
    await run(clone, "git", "reset", "--hard", "--quiet", "first");
    const before = versions();
    await writeFile(join(clone, ".changeset/one.md"), `---\n"${name}": ${step}\n---\n\nA change.\n`);
    await run(clone, changeset, "version");
    return Object.fromEntries(Object.entries(versions()).filter(([each, version]) => before[each] !== version));
  }

  beforeAll(async () => {
    clone = join(await temporaryFolder(), "clone");
    await run(root, "git", "clone", "--quiet", "--local", root, clone);
    // Packages and changesets as they are here, committed or not.
    await run(root, "cp", "-r", ".changeset", clone);
    for (const folder of folders)
      await run(root, "cp", `packages/${folder}/package.json`, `${clone}/packages/${folder}`);
    await run(clone, changeset, "version");
    await run(clone, "git", "add", "--all");
    await run(
      clone,
      "git",
      "-c",
      "user.name=x",
      "-c",
      "user.email=x",
      "commit",
      "--quiet",
      "--allow-empty",
      "--message",
      "Release",
    );
    await run(clone, "git", "tag", "first");
  });
  afterAll(() => rm(clone, { recursive: true }));

  it("uses up the changesets", async () => {
    expect((await readdir(join(clone, ".changeset"))).filter((file) => file.endsWith(".md"))).toEqual([]);
    const named = await namedByChangesets();
    for (const [name, version] of Object.entries(versions())) {
      if (named.includes(name)) expect(version).not.toBe("0.0.0");
      expect(version, name).toMatch(/^[1-9]\d*\.\d+\.\d+$/);
    }
  });

  it.each(["patch", "minor"] as const)("with a %s of core releases core alone", async (step) => {
    expect(Object.keys(await release(core, step))).toEqual([core]);
  });

  it("with a major of core gives every store a patch at most", async () => {
    const before = versions();
    const { [core]: major, ...others } = await release(core, "major");
    expect(major).toMatch(/^[2-9]\.0\.0$/);
    for (const { name } of stores) expect(others[name]?.split(".")[0]).toBe(before[name]?.split(".")[0]);
  });

  it.each(stores)("with a change in $name releases that alone", async ({ name }) => {
    for (const step of ["patch", "minor", "major"] as const)
      expect(Object.keys(await release(name, step))).toEqual([name]);
  });

  it("publishes ranges of core that every later minor is inside of", async () => {
    await run(clone, "git", "reset", "--hard", "--quiet", "first");
    await run(clone, workspaceBin("pnpm"), "install", "--frozen-lockfile", "--prefer-offline", "--ignore-scripts");
    const { [core]: version } = versions();
    for (const { folder } of stores) {
      const packed = await temporaryFolder();
      await run(join(clone, "packages", basename(folder)), workspaceBin("pnpm"), "pack", "--pack-destination", packed);
      const [tarball = ""] = await readdir(packed);
      await run(packed, "tar", "xf", tarball);
      expect(readManifest(join(packed, "package")).dependencies).toMatchObject({ [core]: `^${version}` });
    }
  });
});
