import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namedByChangesets } from "../src/changesets.js";
import { pack, publicPackages, readManifest, run, temporaryFolder } from "../src/packages.js";
import { remove } from "../src/projects.js";
import { ScratchClone } from "../src/scratch-clone.js";

const core = "@chatkeep/chat-store-core";
const stores = publicPackages().filter(({ folder }) => basename(folder).startsWith("store-"));

describe("a release, tried on a scratch clone", () => {
  let clone: ScratchClone;
  beforeAll(async () => {
    clone = await ScratchClone.make();
  });
  afterAll(() => clone.remove());

  it("uses up the changesets", async () => {
    expect((await readdir(join(clone.folder, ".changeset"))).filter((file) => file.endsWith(".md"))).toEqual([]);
    const named = await namedByChangesets();
    for (const [name, version] of Object.entries(clone.versions())) {
      if (named.includes(name)) expect(version).not.toBe("0.0.0");
      expect(version, name).toMatch(/^[1-9]\d*\.\d+\.\d+$/);
    }
  });

  it.each(["patch", "minor"] as const)("with a %s of core releases core alone", async (step) => {
    expect(Object.keys(await clone.release(core, step))).toEqual([core]);
  });

  it("with a major of core gives every store a patch at most", async () => {
    const before = clone.versions();
    const { [core]: major, ...others } = await clone.release(core, "major");
    expect(major).toMatch(/^[2-9]\.0\.0$/);
    for (const { name } of stores) expect(others[name]?.split(".")[0]).toBe(before[name]?.split(".")[0]);
  });

  it.each(stores)("with a change in $name releases that alone", async ({ name }) => {
    for (const step of ["patch", "minor", "major"] as const)
      expect(Object.keys(await clone.release(name, step))).toEqual([name]);
  });

  it("publishes ranges of core that every later minor is inside of", async () => {
    await clone.reset();
    await clone.install();
    const { [core]: version } = clone.versions();
    for (const { folder } of stores) {
      const packed = await temporaryFolder();
      const tarball = await pack(join(clone.folder, "packages", basename(folder)), packed);
      await run(packed, "tar", "xf", tarball);
      expect(readManifest(join(packed, "package")).dependencies).toMatchObject({ [core]: `^${version}` });
      await remove(packed);
    }
  });
});
