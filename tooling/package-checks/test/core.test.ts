import { readFile } from "node:fs/promises";
import { join } from "node:path";
import vm from "node:vm";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { compilersWithResolutions, typeErrors } from "../src/compilers.js";
import { publicPackages } from "../src/packages.js";
import { npmProject, remove, runIn, sourceFolder } from "../src/projects.js";
import { readmeExample } from "../src/readme-example.js";

const core = publicPackages().find(({ name }) => name === "@chatkeep/chat-store-core")!;

describe("core, installed from its tarball in a fresh project", () => {
  let project: string;
  beforeAll(async () => {
    project = await npmProject(inject("tarballs")[core.name]!);
  });
  afterAll(() => remove(project));

  const script = (load: string) => `${load}
    (async () => {
      const store = new core.SimpleChatStore();
      const memory = new core.ChatMemoryBuffer({ chatStore: store, tokenLimit: 9 });
      await memory.put({ role: "user", content: "Hello there, how are you?" });
      await memory.put({ role: "assistant", content: "Fine." });
      await memory.put({ role: "user", content: "Good." });
      const window = await memory.get();
      const refused = await store.addMessage("", { content: "x" }).catch((error) => error);
      const [failed] = await Promise.allSettled([new backend.BaseChatStore({ name: "x", open() { throw new Error("secret") } }).getKeys()]);
      await store.persist("written.json");
      const loaded = await core.SimpleChatStore.fromPersistPath("written.json");
      console.log(JSON.stringify([window.map(core.textOf), core.isChatStoreError(refused, "INVALID_KEY"), failed.reason.code, await loaded.countMessages("chat_history")]));
      await store.close();
    })();`;
  const expected = '[["Good."],true,"UNAVAILABLE",3]';

  it("works as ESM", async () => {
    const load = `import * as core from "${core.name}"; import * as backend from "${core.name}/backend";`;
    expect(await runIn(project, "consumer.mjs", script(load))).toBe(expected);
  });

  it("works as CommonJS", async () => {
    const load = `const core = require("${core.name}"); const backend = require("${core.name}/backend");`;
    expect(await runIn(project, "consumer.cjs", script(load))).toBe(expected);
  });

  it("knows its errors across the two formats", async () => {
    const text = `import { createRequire } from "node:module";
      import { isChatStoreError } from "${core.name}";
      const { SimpleChatStore } = createRequire(import.meta.url)("${core.name}");
      new SimpleChatStore().getMessages("").catch((error) => console.log(isChatStoreError(error, "INVALID_KEY")));`;
    expect(await runIn(project, "both.mjs", text)).toBe("true");
  });

  it("does what its README shows first", async () => {
    const shown = [...(await readFile(join(core.folder, "README.md"), "utf8")).matchAll(/\/\/ -> (.*)$/gm)];
    expect(await runIn(project, "readme.mjs", await readmeExample(core.folder))).toBe(shown[0]?.[1]);
  });

  it.each(compilersWithResolutions)(
    "has types for TypeScript $version, $module with $moduleResolution, without those of Node",
    async ({ module, moduleResolution, ...compiler }) => {
      const text = await readFile(new URL("fixtures/consumers/core.ts", import.meta.url), "utf8");
      for (const lib of [["ES2022"], ["ES2022", "DOM"]]) {
        const files = new Map([["consumer.mts", text]]);
        if (module !== "esnext") files.set("consumer.cts", text);
        // The check can fail.
        files.set("wrong.mts", `import { nothing } from "${core.name}";`);
        const name = `types-${compiler.version}-${module}-${lib.length}`;
        const options = { module, moduleResolution, lib, types: [] };
        const folder = await sourceFolder(project, name, files, options);
        expect(await typeErrors(compiler, folder)).toEqual([
          expect.stringMatching(/^wrong\.mts\(1,10\): error TS2305/),
        ]);
      }
    },
  );
});

it("core bundles without Node and runs where nothing of Node exists", async () => {
  const options: BuildOptions = { bundle: true, write: false, platform: "browser", format: "cjs" };
  const { outputFiles = [] } = await build({ ...options, entryPoints: [join(core.folder, "dist/index.js")] });
  const global = { TextEncoder, crypto, AbortController, setTimeout, clearTimeout, btoa, module: { exports: {} } };
  vm.createContext(global);
  vm.runInContext(outputFiles[0]!.text, global);
  const { SimpleChatStore, ChatMemoryBuffer } = global.module.exports as typeof import("@chatkeep/chat-store-core");
  const memory = new ChatMemoryBuffer({ chatStore: new SimpleChatStore(), tokenizer: (text) => text.length });
  await memory.put({ content: "hi" });
  expect((await memory.get()).map(({ content }) => content)).toEqual(["hi"]);
  await expect(new SimpleChatStore().persist("x.json")).rejects.toMatchObject({ code: "UNSUPPORTED" });
});
