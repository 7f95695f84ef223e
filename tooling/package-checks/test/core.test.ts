import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { pack, publicPackages, run, temporaryFolder, workspaceBin } from "../src/packages.js";

const core = publicPackages().find(({ name }) => name === "@chatkeep/chat-store-core")!;

describe("core, installed from its tarball in a fresh project", () => {
  let project: string;

  beforeAll(async () => {
    project = await temporaryFolder();
    const tarball = await pack(core.folder, project);
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true }));
    await run(project, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", tarball);
  });

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
    const load = `import * as core from "@chatkeep/chat-store-core"; import * as backend from "@chatkeep/chat-store-core/backend";`;
    await writeFile(join(project, "consumer.mjs"), script(load));
    expect((await run(project, "node", "consumer.mjs")).trim()).toBe(expected);
  });

  it("works as CommonJS", async () => {
    const load = `const core = require("@chatkeep/chat-store-core"); const backend = require("@chatkeep/chat-store-core/backend");`;
    await writeFile(join(project, "consumer.cjs"), script(load));
    expect((await run(project, "node", "consumer.cjs")).trim()).toBe(expected);
  });

  it("knows its errors across the two formats", async () => {
    const text = `import { createRequire } from "node:module";
      import { isChatStoreError } from "@chatkeep/chat-store-core";
      const { SimpleChatStore } = createRequire(import.meta.url)("@chatkeep/chat-store-core");
      new SimpleChatStore().getMessages("").catch((error) => console.log(isChatStoreError(error, "INVALID_KEY")));`;
    await writeFile(join(project, "both.mjs"), text);
    expect((await run(project, "node", "both.mjs")).trim()).toBe("true");
  });

  describe.each([
    { module: "node16", moduleResolution: "node16" },
    { module: "nodenext", moduleResolution: "nodenext" },
    { module: "esnext", moduleResolution: "bundler" },
  ])("has types for $moduleResolution", (resolution) => {
    it.each([
      ["an ES module", "mts", ["ES2022"]],
      ["a CommonJS module", "cts", ["ES2022"]],
      ["an ES module in a browser", "mts", ["ES2022", "DOM"]],
    ])("in %s, without the types of Node", async (_title, extension, lib) => {
      const folder = join(project, `types-${resolution.module}-${extension}-${lib.length}`);
      await mkdir(folder);
      const source = await readFile(new URL("consumer.ts.txt", import.meta.url), "utf8");
      await writeFile(join(folder, `consumer.${extension}`), source);
      const compilerOptions = {
        ...resolution,
        lib,
        target: "ES2022",
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      };
      await writeFile(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: [`consumer.${extension}`] }),
      );
      await run(folder, workspaceBin("tsc"), "-p", ".");
    });
  });
});

describe("core in a browser", () => {
  const bundle = (options: BuildOptions) =>
    build({
      entryPoints: [join(core.folder, "dist/index.js")],
      bundle: true,
      minify: true,
      write: false,
      platform: "browser",
      external: ["js-tiktoken/*"],
      ...options,
    });

  it("is within 12 KB, without what is loaded later: the tokenizer, and what only files need", async () => {
    const { outputFiles = [], metafile } = await bundle({
      format: "esm",
      splitting: true,
      outdir: "out",
      metafile: true,
    });
    const outputs = Object.entries(metafile!.outputs);
    const loadedAtOnce = new Set(
      outputs.filter(([, { entryPoint }]) => entryPoint?.endsWith("dist/index.js")).map(([path]) => path),
    );
    for (const path of loadedAtOnce) {
      for (const used of metafile!.outputs[path]!.imports) {
        if (used.kind === "import-statement" && used.external !== true) loadedAtOnce.add(used.path);
      }
    }
    const text = [...loadedAtOnce].map((path) => outputFiles.find((file) => file.path.endsWith(path))!.text).join("");
    const size = gzipSync(text, { level: 9 }).length;
    expect(size).toBeGreaterThan(5_000);
    expect(size).toBeLessThan(12 * 1024);
  });

  it("bundles without Node and runs where nothing of Node exists", async () => {
    const bundled = await bundle({ format: "cjs" });
    const text = bundled.outputFiles![0]!.text;
    const global = { TextEncoder, crypto, AbortController, setTimeout, clearTimeout, btoa, module: { exports: {} } };
    vm.createContext(global);
    vm.runInContext(text, global);
    const { SimpleChatStore, ChatMemoryBuffer } = global.module.exports as typeof import("@chatkeep/chat-store-core");
    const memory = new ChatMemoryBuffer({ chatStore: new SimpleChatStore(), tokenizer: (text) => text.length });
    await memory.put({ content: "hi" });
    expect((await memory.get()).map(({ content }) => content)).toEqual(["hi"]);
    await expect(new SimpleChatStore().persist("x.json")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});
