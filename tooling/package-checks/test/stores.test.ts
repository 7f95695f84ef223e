import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { compilersWithResolutions, typeErrors } from "../src/compilers.js";
import { publicPackages, readManifest, run, temporaryFolder, workspaceBin } from "../src/packages.js";
import { npmProject, remove, runIn, sourceFolder } from "../src/projects.js";
import { moved, readmeExample } from "../src/readme-example.js";
import { storeServers } from "../src/store-servers.js";

const coreName = "@chatkeep/chat-store-core";
const stores = publicPackages()
  .filter(({ folder }) => basename(folder).startsWith("store-"))
  .map((each) => ({ ...each, short: basename(each.folder), manifest: readManifest(each.folder) }));
const tarballs = inject("tarballs");
const installed = [coreName, ...stores.map(({ name }) => name)];
const tarballOf = (name: string) => tarballs[name]!;

/** A program that makes each store with an option that it does not know, and prints what core makes of the error. */
const refusals = (load: (name: string) => string) => `
  (async () => {
    const core = await ${load(coreName)};
    for (const store of await Promise.all([${stores.map(({ name }) => load(name))}])) {
      const [name, ...more] = Object.keys(store).filter((name) => name.endsWith("ChatStore"));
      try {
        new store[name]({ nonsense: 1 });
      } catch (error) {
        console.log(name, more.length, core.isChatStoreError(error, "INVALID_ARGUMENT"));
      }
    }
  })();`;
const refused = stores.map(() => expect.stringMatching(/^\w+ChatStore 0 true$/));

const asModule = (name: string) => `import("${name}")`;
const asCommonJs = (name: string) => `require("${name}")`;

describe("the stores, installed by npm from their tarballs side by side in a fresh project", () => {
  let project: string;
  beforeAll(async () => {
    project = await npmProject(...installed.map(tarballOf), "@types/node@20");
  });
  afterAll(() => remove(project));

  it("share one core", async () => {
    const printed = await run(project, "npm", "ls", coreName, "--all", "--parseable");
    expect(printed.trim().split("\n")).toEqual([join(project, "node_modules", coreName)]);
  });

  it("work as ES modules", async () => {
    expect((await runIn(project, "modules.mjs", refusals(asModule))).split("\n")).toEqual(refused);
  });

  it("work as CommonJS, with core as an ES module", async () => {
    const load = (name: string) => (name === coreName ? asModule(name) : asCommonJs(name));
    expect((await runIn(project, "common.cjs", refusals(load))).split("\n")).toEqual(refused);
  });

  describe.each(stores)("$name", ({ name, short, folder, manifest }) => {
    it("depends on core and its SDK and nothing else", () => {
      const dependencies = Object.keys(manifest.dependencies ?? {});
      expect(dependencies).toContain(coreName);
      expect(dependencies).toHaveLength(2);
      expect(manifest).not.toHaveProperty("peerDependencies");
    });

    const { server, place } = storeServers[short]!;
    const running = runningServer(server);
    it.runIf(running)("does what its README shows first, on a server", async () => {
      const found = place(running!);
      const program = `${moved(await readmeExample(folder), found)}\nconsole.log(JSON.stringify(window.at(-1)));`;
      const { variables = {} } = found;
      expect(await runIn(project, `${short}.mjs`, program, { variables })).toBe('{"role":"user","content":"Hello"}');
    });

    it.each([
      ["an ES module", "mjs", asModule],
      ["CommonJS", "cjs", asCommonJs],
    ])("as %s has source maps that lead to its sources and to core's", async (_title, extension, load) => {
      const program = `(async () => {
        const [Store] = Object.entries(await ${load(name)}).filter(([name]) => name.endsWith("ChatStore")).map(([, made]) => made);
        try { new Store({ nonsense: 1 }); } catch (error) { console.log(error.stack); }
      })();`;
      const stack = await runIn(project, `throws.${extension}`, program, { flags: ["--enable-source-maps"] });
      const frames = [...stack.matchAll(/@chatkeep\/chat-([\w-]+)\/src\/(.+):(\d+):(\d+)\)$/gm)];
      expect(new Set(frames.map(([, owner]) => owner))).toEqual(new Set(["store-core", short]));
      for (const [, owner, file, line, column] of frames) {
        const source = join(folder, "..", owner === "store-core" ? "core" : owner!, "src", file!);
        const text = (await readFile(source, "utf8")).split("\n")[Number(line) - 1] ?? "";
        // What is there throws or calls something. The column of a call is its name's or its bracket's.
        expect(text.length).toBeGreaterThanOrEqual(Number(column));
        expect(text).toMatch(/\bthrow\b|\w\(/);
      }
    });
  });

  it.each(compilersWithResolutions)(
    "have types for TypeScript $version, $module with $moduleResolution",
    async ({ module, moduleResolution, ...compiler }) => {
      const files = new Map<string, string>();
      for (const { short } of stores) {
        const text = await readFile(new URL(`fixtures/consumers/${short.slice("store-".length)}.ts`, import.meta.url));
        files.set(`${short}.mts`, text.toString());
        if (module !== "esnext") files.set(`${short}.cts`, text.toString());
      }
      // The check can fail.
      files.set("wrong.mts", stores.map(({ name }, i) => `export { nothing as a${i} } from "${name}";\n`).join(""));
      const name = `types-${compiler.version}-${module}`;
      const options = { module, moduleResolution, types: ["node"] };
      const folder = await sourceFolder(project, name, files, options);
      const wrong = stores.map((_, i) =>
        expect.stringMatching(new RegExp(`^wrong\\.mts\\(${i + 1},10\\): error TS2305`)),
      );
      expect(await typeErrors(compiler, folder)).toEqual(wrong);
    },
  );
});

describe("the stores, installed by pnpm", () => {
  let project: string;
  beforeAll(async () => {
    project = await temporaryFolder();
    // What is not in the registry yet: core by its name.
    const pnpm = { overrides: { [coreName]: `file:${tarballOf(coreName)}` } };
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, pnpm }));
    await run(
      project,
      workspaceBin("pnpm"),
      "add",
      "--prefer-offline",
      "--ignore-scripts",
      ...installed.map(tarballOf),
    );
  });
  afterAll(() => remove(project));

  it("work as ES modules", async () => {
    expect((await runIn(project, "modules.mjs", refusals(asModule))).split("\n")).toEqual(refused);
  });

  it("work as CommonJS", async () => {
    expect((await runIn(project, "common.cjs", refusals(asCommonJs))).split("\n")).toEqual(refused);
  });
});
