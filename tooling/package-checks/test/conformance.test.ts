import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Block, blocksOf } from "@chatkeep/docs-check/blocks";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { readManifest, run } from "../src/packages.js";
import { npmProject, remove } from "../src/projects.js";

const tarballs = inject("tarballs");
const readme = blocksOf("packages/conformance/README.md");
const store = blocksOf("docs/writing-a-store.md").find(({ file }) => file === "sqlite-chat-store.ts")!;
const is = (word: string) => (block: Block) => block.words.includes(word);
const versionIn = (folder: string, name: string) =>
  `${name}@${readManifest(join(import.meta.dirname, folder, "node_modules", name)).version}`;

describe("the conformance kit, installed from its tarball in a fresh project", () => {
  let project: string;
  let folder: string;
  beforeAll(async () => {
    project = await npmProject(
      tarballs["@chatkeep/chat-store-core"]!,
      tarballs["@chatkeep/chat-store-conformance"]!,
      versionIn("..", "vitest"),
      versionIn("../../../docs", "@photostructure/sqlite"),
    );
    folder = join(project, "own-store");
    await mkdir(folder);
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "own-store", private: true, type: "module" }));
    // As a user's compiler leaves it.
    for (const { file, code } of [store, ...readme]) {
      const { code: script } = await transform(code, { loader: "ts", format: "esm", target: "es2022" });
      await writeFile(join(folder, file.replace(/ts$/, "js")), script);
    }
  });
  afterAll(() => remove(project));

  it("passes the store of the README's first example in vitest", async () => {
    // All of the kit passes it in the tests of the documentation, from the sources.
    const args = ["run", "--reporter=json", "-t", "(operations|editing|errors)", "own-store.test.js"];
    const printed = await run(folder, join(project, "node_modules/.bin/vitest"), ...args);
    const { success, numPassedTests, numFailedTests } = JSON.parse(printed) as Record<string, unknown>;
    expect({ success, numFailedTests }).toEqual({ success: true, numFailedTests: 0 });
    expect(numPassedTests).toBeGreaterThan(30);
  });

  it.each(readme.filter(is("run")).map((block) => [block.line, block] as const))(
    "runs the example in line %i",
    async (_line, { file, code }) => {
      const printed = await run(folder, process.execPath, file.replace(/ts$/, "js"));
      const expected = [...code.matchAll(/\/\/ -> (.*)$/gm)].map(([, line]) => line);
      if (expected.length > 0) expect(printed.trim().split("\n")).toEqual(expected);
    },
  );
});
