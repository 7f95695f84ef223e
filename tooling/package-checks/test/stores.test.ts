import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { pack, publicPackages, readManifest, run, temporaryFolder, workspaceBin } from "../src/packages.js";

const coreName = "@chatkeep/chat-store-core";
const core = publicPackages().find(({ name }) => name === coreName)!;
const stores = publicPackages()
  .filter(({ folder }) => basename(folder).startsWith("store-"))
  .map((each) => ({ ...each, manifest: readManifest(each.folder) }));

describe("the stores, installed from their tarballs side by side in a fresh project", () => {
  let project: string;

  beforeAll(async () => {
    project = await temporaryFolder();
    const tarballs: string[] = [];
    for (const { folder } of [core, ...stores]) tarballs.push(await pack(folder, project));
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true }));
    await run(project, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", ...tarballs, "@types/node@20");
  });

  it("share one core", async () => {
    const printed = await run(project, "npm", "ls", coreName, "--all", "--parseable");
    expect(printed.trim().split("\n")).toEqual([join(project, "node_modules", coreName)]);
  });

  describe.each(stores)("$name", ({ name, manifest }) => {
    it("depends on core and its SDK and nothing else", () => {
      const dependencies = Object.keys(manifest.dependencies ?? {});
      expect(dependencies).toContain(coreName);
      expect(dependencies).toHaveLength(2);
      expect(manifest).not.toHaveProperty("peerDependencies");
    });

    // Its one class refuses an option that it does not know, with an error that core recognises, and sends nothing.
    const script = (load: (package_: string) => string) => `${load(name)}
      (async () => {
        const names = Object.keys(store).filter((name) => name.endsWith("ChatStore"));
        let code;
        try {
          new store[names[0]]({ nonsense: 1 });
        } catch (error) {
          code = core.isChatStoreError(error) ? error.code : String(error);
        }
        console.log(names.length, code);
      })();`;

    it("works as ESM", async () => {
      const load = (from: string) => `import * as core from "${coreName}"; import * as store from "${from}";`;
      await writeFile(join(project, "consumer.mjs"), script(load));
      expect(await run(project, "node", "consumer.mjs")).toBe("1 INVALID_ARGUMENT\n");
    });

    it("works as CommonJS, and with core as ESM", async () => {
      const load = (from: string) => `const store = require("${from}");
        const core = {}; const loaded = import("${coreName}").then((module) => Object.assign(core, module));`;
      await writeFile(
        join(project, "consumer.cjs"),
        script(load).replace("async () => {", "async () => { await loaded;"),
      );
      expect(await run(project, "node", "consumer.cjs")).toBe("1 INVALID_ARGUMENT\n");
    });
  });

  it.each([
    { module: "node16", extension: "mts" },
    { module: "nodenext", extension: "cts" },
    { module: "esnext", moduleResolution: "bundler", extension: "mts" },
  ])("have types for $module, $extension", async ({ extension, ...resolution }) => {
    const folder = join(project, `types-${resolution.module}`);
    await mkdir(folder);
    const files = await Promise.all(
      stores.map(async ({ name, folder: from }) => {
        const file = `${basename(from)}.${extension}`;
        await writeFile(join(folder, file), consumerOf(name));
        return file;
      }),
    );
    const compilerOptions = {
      ...resolution,
      target: "ES2022",
      lib: ["ES2022"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const printed = await run(folder, workspaceBin("tsc"), "-p", ".").catch((error: Error) => error.message);
    // What an SDK's own declarations lack is not ours.
    const problems = printed.split("\n").filter((line) => /error TS/.test(line) && !isForeign(line));
    expect(problems).toEqual([]);
  });
});

const isForeign = (line: string) => /^\.\.\/node_modules\/(?!@chatkeep\/)/.test(line);

/** By the one rule for all: a class `…ChatStore`, and its options `…ChatStoreOptions`. */
function consumerOf(name: string): string {
  return `import type { ChatStore } from "${coreName}";
import * as store from "${name}";

type Class = { [Name in keyof typeof store]: Name extends \`\${string}ChatStore\` ? (typeof store)[Name] : never }[keyof typeof store];
declare const Store: Class;
export function make(...options: ConstructorParameters<Class>): ChatStore {
  const made: InstanceType<Class> = new Store(...options);
  void made.close();
  return made;
}
// @ts-expect-error an option that does not exist
make({ nonsense: 1 });
`;
}
