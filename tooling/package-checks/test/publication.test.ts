import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pack, publicPackages, readManifest, run, temporaryFolder, workspaceBin } from "../src/packages.js";

describe.each(publicPackages())("$name as it is published", ({ folder }) => {
  it("passes publint and attw, and holds only what it should", async () => {
    const destination = await temporaryFolder();
    const tarball = await pack(folder, destination);
    await run(folder, workspaceBin("publint"), "run", tarball, "--strict");
    await run(folder, workspaceBin("attw"), tarball, "--profile", "node16");

    await run(destination, "tar", "xf", tarball);
    const files = (await run(destination, "tar", "tf", tarball)).trim().split("\n");
    const unexpected = files.filter(
      (file) =>
        !/^package\/(dist\/.+\.(js|cjs|d\.ts|d\.cts|map)|package\.json|[a-z]+\.sql|README\.md|LICENSE)$/.test(file),
    );
    expect(unexpected).toEqual([]);
    expect(files).toContain("package/LICENSE");
    expect(files).toContain("package/README.md");

    const manifest = readManifest(join(destination, "package"));
    expect(manifest).toMatchObject({ license: "MIT", type: "module", sideEffects: false });
    expect(manifest.engines?.node).toMatch(/^>=\d+\.\d+/);
    // The release workflow writes where it runs.
    expect(manifest).not.toHaveProperty("repository");
    expect(JSON.stringify(manifest.dependencies ?? {})).not.toContain("workspace:");
    const license = await readFile(new URL("../../../LICENSE", import.meta.url), "utf8");
    expect(await readFile(join(destination, "package/LICENSE"), "utf8")).toBe(license);
  });
});
