import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";
import { startChild } from "./support/child.js";
import { temporaryFolder } from "./support/folders.js";

describe("a process that is killed", () => {
  it("while it replaces the file leaves one whole version, and never an older one than it told of", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "chat_store.json");
    let leftovers = 0;
    let last = 0;
    // Ten times, and on until one was killed in the middle of its work: otherwise nothing would be shown.
    for (let round = 0; round < 10 || (leftovers === 0 && round < 100); round++) {
      const child = startChild("persist", path, { number: last });
      last = (await child.next()) as number;
      await pause(Math.random() * 40);
      child.kill();
      for (let told = await child.next(); told !== undefined; told = await child.next()) last = told as number;
      expect(await child.ended).toBe("SIGKILL");

      const store = await SimpleChatStore.fromPersistPath(path);
      const messages = await store.getMessages("k");
      const versions = new Set(messages.map(({ content }) => Number((content as string).split(":")[0])));
      expect(messages).toHaveLength(20);
      expect(versions.size).toBe(1);
      const [version] = [...versions];
      expect(version).toBeGreaterThanOrEqual(last);
      expect(version).toBeLessThanOrEqual(last + 1);
      last = version! + 1;
      leftovers = (await readdir(folder)).length - 1;
    }
    expect(leftovers).toBeGreaterThan(0);
    expect(leftovers).toBeGreaterThan(0);
  });

  it("while it writes behind loses nothing that was flushed, and the next one takes over its lock", async () => {
    const path = join(await temporaryFolder(), "chat_store.json");
    for (let round = 0; round < 6; round++) {
      const child = startChild("append", path);
      let flushed = (await child.next()) as number;
      await pause(Math.random() * 40);
      child.kill();
      for (let told = await child.next(); told !== undefined; told = await child.next()) flushed = told as number;
      await child.ended;
      const messages = await (await SimpleChatStore.fromPersistPath(path)).getMessages("k");
      expect(messages.length).toBeGreaterThan(flushed);
      expect(messages.every(({ content }, i) => content === String(i))).toBe(true);
    }
    await (await SimpleChatStore.open(path)).close();
  });
});

describe("a process that ends by itself", () => {
  it("has written every change, without having waited for any", async () => {
    const path = join(await temporaryFolder(), "chat_store.json");
    const child = startChild("end", path, { number: 500 });
    expect(await child.next()).toBeUndefined();
    expect(await child.ended).toBe(0);
    expect(await (await SimpleChatStore.fromPersistPath(path)).countMessages("k")).toBe(500);
    await (await SimpleChatStore.open(path)).close();
  });
});

describe("a disk that is full", () => {
  it("leaves the old file, says so, and takes what fits later", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "chat_store.json");
    const old = '{"store":{"k":[{"role":"user","additional_kwargs":{},"blocks":[]}]},"class_name":"SimpleChatStore"}';
    await writeFile(path, old);
    // 64 blocks are 32 or 64 KiB, according to the shell.
    const child = startChild("fill", path, { fileBlocks: 64 });
    const problem = `Can't write ${path}: it is larger than the system allows.`;
    expect(await child.next()).toEqual(["UNAVAILABLE", problem]);
    const notWritten = ["UNAVAILABLE", `What changed last is in memory only. ${problem}`, "not-applied"];
    expect(await child.next()).toEqual(notWritten);
    expect(await child.next()).toEqual(notWritten);
    expect(await child.next()).toBe("end");
    await child.ended;
    expect(await readFile(path, "utf8")).toBe(old);
    expect((await readdir(folder)).sort()).toEqual(["chat_store.json", "chat_store.json.lock"]);
  });
});

describe("many processes", () => {
  it("that open one file at once, with the lock of a dead one in the way: exactly one gets it", async () => {
    const path = join(await temporaryFolder(), "chat_store.json");
    const dead = startChild("append", path);
    await dead.next();
    dead.kill();
    await dead.ended;
    const children = Array.from({ length: 6 }, () => startChild("hold", path));
    for (const child of children) expect(await child.next()).toBe("ready");
    for (const child of children) child.tell("open");
    const answers = await Promise.all(children.map((child) => child.next()));
    expect(answers.filter((answer) => answer === "open")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "CONFLICT")).toHaveLength(5);
    for (const child of children) child.tell("go");
    await Promise.all(children.map((child) => child.ended));
    await (await SimpleChatStore.open(path)).close();
  });
});
