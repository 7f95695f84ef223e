import { spawnSync } from "node:child_process";
import fs, { readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lockFile } from "../src/simple/lock.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";
import { everythingShownOf, failureOf } from "./support/errors.js";
import { temporaryFolder } from "./support/folders.js";

const said = (content: string) => ({ role: "user" as const, content });
const newPath = async () => join(await temporaryFolder(), "chat_store.json");
/** Undefined where there is no file. */
const contentOf = (path: string) => readFile(path).catch(() => undefined);
const readBack = async (path: string) => (await SimpleChatStore.fromPersistPath(path)).getMessages("k");

afterEach(() => {
  vi.restoreAllMocks();
});

function promiseWithResolvers() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe("a store that was opened", () => {
  it("has every change on disk when flush or close has settled", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    expect(await readdir(join(path, ".."))).toEqual(["chat_store.json.lock"]);
    await store.addMessage("k", said("1"));
    await store.flush();
    expect(await readBack(path)).toEqual([said("1")]);
    await store.addMessage("k", said("2"));
    await store.close();
    expect(await readBack(path)).toEqual([said("1"), said("2")]);
    expect(await readdir(join(path, ".."))).toEqual(["chat_store.json"]);

    const again = await SimpleChatStore.open(path);
    expect(await again.getMessages("k")).toEqual([said("1"), said("2")]);
    await again.close();
  });

  it.each<[string, (store: SimpleChatStore) => Promise<unknown>]>([
    ["addMessage", (store) => store.addMessage("k", said("x"))],
    ["addMessage at 0", (store) => store.addMessage("k", said("x"), { index: 0 })],
    ["setMessages", (store) => store.setMessages("k", [said("x")])],
    ["replaceMessage", (store) => store.replaceMessage("k", 0, said("x"))],
    ["deleteMessage", (store) => store.deleteMessage("k", 0)],
    ["deleteLastMessage", (store) => store.deleteLastMessage("k")],
    ["trimMessages", (store) => store.trimMessages("k", 1)],
    ["deleteMessages", (store) => store.deleteMessages("k")],
  ])("writes %s", async (_name, change) => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    await store.addMessages("k", [said("1"), said("2")]);
    await store.flush();
    await change(store);
    await store.flush();
    expect(await readBack(path)).toEqual(await store.getMessages("k"));
    expect(await store.getMessages("k")).not.toEqual([said("1"), said("2")]);
    await store.close();
  });

  it("writes many changes at once, and nothing when nothing changed", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    const replacing = vi.spyOn(fs, "rename");
    const operationId = "op";
    for (let i = 0; i < 1000; i++) await store.addMessage("k", said(String(i)));
    await store.flush();
    expect(await readBack(path)).toHaveLength(1000);
    // A write takes turns of the event loop, and a change in memory none.
    expect(replacing).toHaveBeenCalled();
    expect(replacing.mock.calls.length).toBeLessThan(50);
    await store.addMessage("k", said("x"), { operationId });
    await store.flush();

    replacing.mockClear();
    await store.addMessage("k", said("x"), { operationId });
    await store.getMessages("k");
    await store.deleteMessage("k", 5000);
    await store.trimMessages("k", 5000);
    await store.deleteMessages("another key");
    await store.flush();
    await store.flush();
    await store.close();
    expect(replacing).not.toHaveBeenCalled();
  });

  it("settles a flush while others go on writing", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    let stop = false;
    let changes = 0;
    const others = (async () => {
      while (!stop) {
        await store.addMessage("k", said("x"));
        changes++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let i = 0; i < 5; i++) {
      const before = changes;
      await store.flush();
      expect((await readBack(path)).length).toBeGreaterThanOrEqual(before);
    }
    stop = true;
    await others;
    await store.close();
    expect(await readBack(path)).toHaveLength(changes);
  });

  it("makes its file when it is told to persist there, and others without being bound to them", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    await store.persist(path);
    expect(await readFile(path, "utf8")).toBe('{"store":{},"class_name":"SimpleChatStore"}');
    await store.addMessage("k", said("1"));
    await store.persist(`${path}.copy`);
    expect(await readBack(`${path}.copy`)).toEqual([said("1")]);
    await writeFile(`${path}.copy`, "somebody's");
    await store.addMessage("k", said("2"));
    await store.close();
    expect(await readFile(`${path}.copy`, "utf8")).toBe("somebody's");
    expect(await readBack(path)).toHaveLength(2);
  });

  it("writes what is there behind a link, and locks that", async () => {
    const path = await newPath();
    await symlink("chat_store.json", `${path}.link`);
    const store = await SimpleChatStore.open(`${path}.link`);
    await failureOf(() => SimpleChatStore.open(path), "CONFLICT");
    await store.addMessage("k", said("1"));
    await store.persist(path);
    await store.close();
    expect(await readBack(path)).toEqual([said("1")]);
    expect((await fs.lstat(`${path}.link`)).isSymbolicLink()).toBe(true);
  });

  it("refuses operations after close, and can be closed twice", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    await store.addMessage("k", said("1"));
    await Promise.all([store.close(), store[Symbol.asyncDispose]()]);
    await failureOf(() => store.addMessage("k", said("2")), "CLOSED");
    // By then the lock is another's.
    const next = await SimpleChatStore.open(path);
    await store.close();
    await failureOf(() => SimpleChatStore.open(path), "CONFLICT");
    await next.close();
  });

  it("keeps expiry over a restart", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path, { ttlSeconds: 1000 });
    await store.addMessage("k", said("1"));
    await store.close();
    const { chatkeep } = JSON.parse(await readFile(path, "utf8")) as { chatkeep: { expires: { k: number } } };
    expect(chatkeep.expires.k).toBeGreaterThan(Date.now() + 900_000);
    await writeFile(path, (await readFile(path, "utf8")).replace(String(chatkeep.expires.k), String(Date.now() - 1)));
    const again = await SimpleChatStore.open(path, { ttlSeconds: 1000 });
    expect(await again.getKeys()).toEqual([]);
    await again.close();
  });
});

describe("a file that somebody else changed", () => {
  it.each<[string, (path: string) => Promise<void>]>([
    ["rewritten", (path) => writeFile(path, '{"store":{},"class_name":"SimpleChatStore"}')],
    [
      "replaced",
      async (path) => {
        await writeFile(`${path}.new`, "theirs");
        await rename(`${path}.new`, path);
      },
    ],
    ["removed", (path) => rm(path)],
    [
      "touched",
      async (path) => {
        const { size } = await stat(path);
        await writeFile(path, "x".repeat(size));
        await utimes(path, 1, 1);
      },
    ],
  ])("%s: is left as it is, and what changed can be saved elsewhere", async (_name, interfere) => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    await store.addMessage("k", said("s3cret-4711"));
    await store.flush();
    await interfere(path);
    const foreign = await contentOf(path);

    await store.addMessage("k", said("2"));
    const failure = await failureOf(() => store.flush(), "CONFLICT");
    expect(failure.outcome).toBe("not-applied");
    expect(failure.message).toContain(path);
    expect(everythingShownOf(failure)).not.toContain("s3cret-4711");
    const refused = await failureOf(() => store.addMessage("k", said("3")), "CONFLICT");
    expect(refused).toMatchObject({ outcome: "not-applied", key: "k" });
    await failureOf(() => store.persist(path), "CONFLICT");
    expect(await store.countMessages("k")).toBe(2);
    expect(await contentOf(path)).toEqual(foreign);

    await store.persist(`${path}.mine`);
    expect(await readBack(`${path}.mine`)).toEqual([said("s3cret-4711"), said("2")]);
    await failureOf(() => store.close(), "CONFLICT");
    expect(await contentOf(path)).toEqual(foreign);
  });

  it("by another store's persist is no different", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    await store.addMessage("k", said("mine"));
    await store.flush();
    const other = await SimpleChatStore.fromPersistPath(path);
    await other.addMessage("k", said("other"));
    await other.persist(path);
    await store.addMessage("k", said("mine"));
    await failureOf(() => store.flush(), "CONFLICT");
    expect(await readBack(path)).toEqual([said("mine"), said("other")]);
  });
});

describe("a file that can't be written", () => {
  it("refuses changes until it can", async () => {
    const folder = join(await temporaryFolder(), "folder");
    const path = join(folder, "chat_store.json");
    const store = await SimpleChatStore.open(path);
    await store.addMessage("k", said("1"));
    await store.flush();
    await rename(folder, `${folder}.away`);
    await writeFile(folder, "a file in its place");

    await store.addMessage("k", said("2"));
    expect(await failureOf(() => store.flush(), "MISCONFIGURED")).toMatchObject({ outcome: "not-applied" });
    for (let i = 0; i < 3; i++) {
      const refused = await failureOf(() => store.addMessage("k", said("3")), "MISCONFIGURED");
      expect(refused).toMatchObject({ outcome: "not-applied", key: "k" });
      expect(refused.message).toContain("in memory only");
    }
    await failureOf(() => store.setMessages("other", [said("x")]), "MISCONFIGURED");
    expect(await store.getMessages("k")).toEqual([said("1"), said("2")]);
    expect(await store.getKeys()).toEqual(["k"]);

    await rm(folder);
    await rename(`${folder}.away`, folder);
    await store.addMessage("k", said("3"));
    await store.close();
    expect(await readBack(path)).toEqual([said("1"), said("2"), said("3")]);
  });

  type Handle = Awaited<ReturnType<typeof fs.open>>;
  const full = () => Promise.reject(Object.assign(new Error("ENOSPC: s3cret-4711"), { code: "ENOSPC" }));
  /** Lets the next call of a step fail. */
  const failOnce: Record<string, () => void> = {
    open: () => void vi.spyOn(fs, "open").mockImplementationOnce(full),
    rename: () => void vi.spyOn(fs, "rename").mockImplementationOnce(full),
  };
  const failInHandle = (which: number, step: "writeFile" | "sync" | "stat" | "chmod" | "close") => () => {
    const { open } = fs;
    let handles = 0;
    const opening = vi.spyOn(fs, "open");
    opening.mockImplementation(async (...args: Parameters<typeof open>): Promise<Handle> => {
      const handle = await open(...args);
      if (handles++ !== which) return handle;
      opening.mockRestore();
      const original = handle[step].bind(handle) as () => Promise<unknown>;
      Object.assign(handle, { [step]: step === "close" ? () => original().then(full) : full });
      return handle;
    });
  };
  for (const step of ["chmod", "writeFile", "sync", "stat", "close"] as const) {
    failOnce[`${step} of the new file`] = failInHandle(0, step);
  }
  failOnce["sync of the folder"] = failInHandle(1, "sync");
  failOnce["close of the folder"] = failInHandle(1, "close");

  it.each(Object.entries(failOnce))(
    "at %s: the old file or the new one is there, and the next write succeeds",
    async (_step, fail) => {
      const path = await newPath();
      const store = await SimpleChatStore.open(path);
      await store.addMessage("k", said("1"));
      await store.flush();
      fail();
      await store.addMessage("k", said("2"));
      expect((await failureOf(() => store.flush(), "UNAVAILABLE")).message).toContain("the disk is full");
      expect([[said("1")], [said("1"), said("2")]]).toContainEqual(await readBack(path));
      await store.flush();
      expect(await readBack(path)).toEqual([said("1"), said("2")]);
      await store.close();

      vi.restoreAllMocks();
      fail();
      const other = await SimpleChatStore.fromPersistPath(path);
      await other.addMessage("k", said("3"));
      const failure = await failureOf(() => other.persist(path), "UNAVAILABLE");
      expect(failure.message).toBe(`Can't write ${path}: the disk is full.`);
      expect(everythingShownOf(failure)).not.toContain("s3cret-4711");
      expect([2, 3]).toContain((await readBack(path)).length);
      expect(await readdir(join(path, ".."))).toEqual(["chat_store.json"]);
    },
  );

  it("never ends in an unhandled rejection, whatever is thrown", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    vi.spyOn(fs, "rename").mockImplementationOnce(() => Promise.reject("no Error at all"));
    vi.spyOn(fs, "rm").mockImplementationOnce(() => Promise.reject(new Error("no rm either")));
    await store.addMessage("k", said("1"));
    await vi.waitFor(() => expect(fs.rename).toHaveBeenCalled());
    await store.close();
    expect(await readBack(path)).toEqual([said("1")]);
  });
});

describe("the lock", () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const holder = (more: object) => JSON.stringify({ pid: dead, host: hostname(), started: "1", ...more });

  it("is refused to a second one of the same process, and free after close", async () => {
    const path = await newPath();
    const store = await SimpleChatStore.open(path);
    const failure = await failureOf(() => SimpleChatStore.open(path), "CONFLICT");
    expect(failure.message).toContain(`${path}.lock`);
    // To read is no crime.
    await SimpleChatStore.fromPersistPath(path);
    await store.close();
    await (await SimpleChatStore.open(path)).close();
  });

  it("is free after an opening that failed", async () => {
    const path = await newPath();
    await writeFile(path, "damaged");
    await failureOf(() => SimpleChatStore.open(path), "CORRUPT_MESSAGE");
    await rm(path);
    await (await SimpleChatStore.open(path)).close();
  });

  it.each<[string, string]>([
    ["of a process that is no more", holder({})],
    ["of a process whose number another one has now", holder({ pid: process.pid })],
  ])("%s is taken over", async (_name, text) => {
    const path = await newPath();
    await writeFile(`${path}.lock`, text);
    const store = await SimpleChatStore.open(path);
    await failureOf(() => SimpleChatStore.open(path), "CONFLICT");
    await store.close();
    expect(await readdir(join(path, ".."))).toEqual([]);
  });

  it.each<[string, string]>([
    ["of another host", holder({ host: "elsewhere.example" })],
    ["of a living process that doesn't tell when it began", holder({ pid: process.pid, started: undefined })],
    ["that is empty", ""],
    ["that is null", "null"],
    ["that is something else", '{"a":1}'],
    ["that is no JSON", "4711"],
  ])("%s is held", async (_name, text) => {
    const path = await newPath();
    await writeFile(`${path}.lock`, text);
    await failureOf(() => SimpleChatStore.open(path), "CONFLICT");
    expect(await readFile(`${path}.lock`, "utf8")).toBe(text);
    expect(await readdir(join(path, ".."))).toEqual(["chat_store.json.lock"]);
  });

  it("that is stale goes to exactly one of many that want it at once", async () => {
    const folder = await temporaryFolder();
    for (let round = 0; round < 20; round++) {
      const file = join(folder, `${round}.json`);
      await writeFile(`${file}.lock`, holder({}));
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => lockFile(file)));
      const got = results.filter((result) => result.status === "fulfilled");
      expect(got.length, `round ${round}`).toBe(1);
      for (const result of results) {
        if (result.status === "rejected") await failureOf(() => Promise.reject(result.reason), "CONFLICT");
      }
      await got[0]!.value();
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it("that was stale is not taken from who took it over, by another who saw it before", async () => {
    const file = await newPath();
    const lock = `${file}.lock`;
    await writeFile(lock, holder({}));
    const { link, rm: remove } = fs;
    const gate = () => {
      const { promise: reached, resolve: reach } = promiseWithResolvers();
      const { promise: opened, resolve: open } = promiseWithResolvers();
      const pass = () => {
        reach();
        return opened;
      };
      return { reached, open, pass };
    };
    // The slow one has seen the stale lock when the quick one comes, which has removed it when the slow one goes on.
    const slowTakesGuard = gate();
    const quickMakesLock = gate();
    let quick: Promise<unknown> | undefined;
    let locks = 0;
    let guards = 0;
    let removals = 0;
    const letQuickFinish = async () => {
      quickMakesLock.open();
      await quick;
    };
    vi.spyOn(fs, "link").mockImplementation(async (from, to) => {
      if (to === `${lock}.takeover` && ++guards === 1) await slowTakesGuard.pass();
      const which = to === lock ? ++locks : 0;
      if (which === 3) await quickMakesLock.pass();
      if (which === 4) await letQuickFinish();
      return link(from, to);
    });
    vi.spyOn(fs, "rm").mockImplementation(async (path, options) => {
      if (path === lock && ++removals === 2) await letQuickFinish();
      return remove(path, options);
    });
    const slow = lockFile(file);
    await slowTakesGuard.reached;
    quick = lockFile(file);
    await quickMakesLock.reached;
    slowTakesGuard.open();
    await failureOf(() => slow, "CONFLICT");
    await quick;
    expect(await readdir(join(file, ".."))).toEqual(["chat_store.json.lock"]);
  });
});
