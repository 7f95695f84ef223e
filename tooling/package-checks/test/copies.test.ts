import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { publicPackages, readManifest, run, temporaryFolder } from "../src/packages.js";
import { npmProject, remove, runIn } from "../src/projects.js";

const prefix = "@chatkeep/chat-store-";
const coreName = `${prefix}core`;
const tarballs = inject("tarballs");
const redis = runningServer("redis");
const upstash = runningServer("upstash");

/** A package packed again with another manifest. */
async function repacked(name: string, change: object): Promise<string> {
  const folder = await temporaryFolder();
  await run(folder, "tar", "xf", tarballs[name]!);
  const unpacked = join(folder, "package");
  await writeFile(join(unpacked, "package.json"), JSON.stringify({ ...readManifest(unpacked), ...change }));
  const file = join(folder, "other.tgz");
  await run(folder, "tar", "czf", file, "package");
  return file;
}

describe.runIf(redis && upstash)("two versions of core in one tree, with a store of each", () => {
  let project: string;

  // Redis with the core of the project; Upstash and the conformance kit with another.
  beforeAll(async () => {
    const other = `file:${await repacked(coreName, { version: "99.0.0" })}`;
    const onOther = async (name: string) => {
      const from = publicPackages().find((each) => each.name === name)!;
      return repacked(name, { dependencies: { ...readManifest(from.folder).dependencies, [coreName]: other } });
    };
    project = await npmProject(
      tarballs[coreName]!,
      tarballs[`${prefix}redis`]!,
      await onOther(`${prefix}upstash`),
      await onOther(`${prefix}conformance`),
    );
  });
  afterAll(() => remove(project));

  const load = `import { createRequire } from "node:module";
    import { pathToFileURL } from "node:url";
    import * as core from "${coreName}";
    import { RedisChatStore } from "${prefix}redis";
    import { UpstashChatStore } from "${prefix}upstash";
    const ofUpstash = createRequire(createRequire(import.meta.url).resolve("${prefix}upstash"));
    const otherCore = ofUpstash("${coreName}");
    const redis = new RedisChatStore(${JSON.stringify({ redisUrl: redis?.url, keyPrefix: "copies:" })});
    const upstash = new UpstashChatStore(${JSON.stringify({ redisUrl: upstash?.url, redisToken: upstash?.token })});
    const print = (...values) => console.log(JSON.stringify(values));
  `;
  const printed = async (program: string) =>
    (await runIn(project, "copies.mjs", `${load}${program}\nawait redis.close(); await upstash.close();`))
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);

  it("are two", async () => {
    const found = await run(project, "npm", "ls", coreName, "--all", "--parseable");
    expect(found.trim().split("\n")).toHaveLength(3);
    expect(
      await printed(
        `print(core.SimpleChatStore === otherCore.SimpleChatStore, ofUpstash("${coreName}/package.json").version);`,
      ),
    ).toEqual([[false, "99.0.0"]]);
  });

  it("know each other's errors by their code", async () => {
    const lines = await printed(`
      for (const known of [core, otherCore]) for (const store of [redis, upstash]) {
        const error = await store.getMessages("").catch((error) => error);
        print(known.isChatStoreError(error), known.isChatStoreError(error, "INVALID_KEY"), known.isChatStoreError(error, "CONFLICT"));
        await store.addMessage("k", { content: "x" }, { operationId: "once" });
        const reused = await store.addMessage("k", { content: "y" }, { operationId: "once" }).catch((error) => error);
        print(known.isChatStoreError(reused, "CONFLICT"), reused.outcome);
        await store.deleteMessages("k");
      }`);
    expect(lines).toEqual(
      Array.from({ length: 4 }, () => [
        [true, true, false],
        [true, "not-applied"],
      ]).flat(),
    );
  });

  it("work together: the memory of each with the store of the other, and messages from one to the other", async () => {
    const lines = await printed(`
      for (const [{ ChatMemoryBuffer, userMessage }, { assistantMessage, textOf }, store] of [[core, otherCore, upstash], [otherCore, core, redis]]) {
        const memory = new ChatMemoryBuffer({ chatStore: store, chatStoreKey: "m", tokenLimit: 20 });
        await memory.set([]);
        for (let i = 1; i < 9; i++) await memory.putMessages([userMessage("question " + i), assistantMessage("answer " + i)]);
        print((await memory.get({ completeTurns: true })).map(textOf).slice(-2), await store.countMessages("m"));
        await memory.reset();
      }`);
    expect(lines).toEqual([
      [["question 8", "answer 8"], 16],
      [["question 8", "answer 8"], 16],
    ]);
  });

  it("a kit on one core finds nothing wrong with a store on the other", async () => {
    const program = `const { runConformance } = await import("${prefix}conformance");
      let places = 0;
      const subject = {
        name: "RedisChatStore",
        space: async () => {
          const keyPrefix = "kit" + Date.now() + "-" + ++places + ":";
          const connect = async (options) => new RedisChatStore({ ...options, redisUrl: ${JSON.stringify(redis?.url)}, keyPrefix });
          return { connect, dispose: async () => {} };
        },
        lacks: { requestCount: "-", injectedClient: "-" },
      };
      const { passed, failures } = await runConformance(subject, { groups: ["errors", "operation ids"] });
      print(passed > 10, failures.map(({ title, error }) => title + String(error)));`;
    expect(await printed(program)).toEqual([[true, []]]);
  });
});

it("stores ask by instanceof only for what is JavaScript's or their own", async () => {
  const classes = /^(?:Error|TypeError|Date|Uint8Array|ArrayBuffer)$/;
  for (const { folder } of publicPackages()) {
    const files = (await readdir(join(folder, "src"), { recursive: true })).filter((file) => file.endsWith(".ts"));
    const texts = await Promise.all(files.map((file) => readFile(join(folder, "src", file), "utf8")));
    const imported = texts.flatMap((text) =>
      [...text.matchAll(/^import \{([^}]*)\} from "(?!\.)/gm)].flatMap(([, names = ""]) => names.split(/[\s,]+/)),
    );
    for (const [, name = ""] of texts.join("\n").matchAll(/ instanceof ([\w.]+)/g)) {
      if (classes.test(name)) continue;
      // Of the driver that the store itself has made.
      if (name !== "DocumentDriver") expect(imported, folder).not.toContain(name);
    }
  }
});
