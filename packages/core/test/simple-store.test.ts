import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChatStore } from "../src/chat-store.js";
import { MemoryDriver } from "../src/simple/memory-driver.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";
import { everythingShownOf, failureOf } from "./support/errors.js";

const said = (content: string) => ({ role: "user" as const, content });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => said(String(from + i)));
const textsOf = (messages: readonly { content: unknown }[]) => messages.map(({ content }) => content);
const textsIn = async (store: ChatStore, key = "k") => textsOf(await store.getMessages(key));

describe("expiry", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const passSeconds = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);

  it("makes a conversation invisible at once, to everything", async () => {
    const store = new SimpleChatStore({ ttlSeconds: 10 });
    await store.setMessages("k", range(0, 3));
    const { before } = await store.getPage("k", { limit: 1 });
    passSeconds(9.999);
    expect(await store.countMessages("k")).toBe(3);
    expect(await store.getKeys()).toEqual(["k"]);
    passSeconds(0.001);
    expect(await store.getMessages("k")).toEqual([]);
    expect(await store.countMessages("k")).toBe(0);
    expect(await store.getPage("k", { limit: 5 })).toEqual({ messages: [] });
    expect(await store.getPage("k", { limit: 5, from: "oldest" })).toEqual({ messages: [] });
    await failureOf(() => store.getPage("k", { limit: 1, before }), "CONFLICT");
    expect(await store.getKeys()).toEqual([]);
    expect(store.toJSON()).toEqual({ store: {}, class_name: "SimpleChatStore" });
    expect(await store.deleteMessage("k", 0)).toBeUndefined();
    expect(await store.deleteLastMessage("k")).toBeUndefined();
    expect(await store.replaceMessage("k", 0, said("x"))).toBeUndefined();
    expect(await store.trimMessages("k", 0)).toBe(0);
    await failureOf(() => store.addMessage("k", said("x"), { index: 1 }), "INDEX_OUT_OF_RANGE");
    expect(await store.getKeys()).toEqual([]);
  });

  it.each<[string, (store: ChatStore) => Promise<unknown>]>([
    ["addMessage", (store) => store.addMessage("k", said("x"))],
    ["addMessage at 0", (store) => store.addMessage("k", said("x"), { index: 0 })],
    ["addMessages", (store) => store.addMessages("k", [said("x")])],
    ["setMessages", (store) => store.setMessages("k", [said("x")])],
    ["replaceMessage", (store) => store.replaceMessage("k", 0, said("x"))],
    ["deleteMessage", (store) => store.deleteMessage("k", 0)],
    ["deleteLastMessage", (store) => store.deleteLastMessage("k")],
    ["trimMessages", (store) => store.trimMessages("k", 1)],
  ])("begins anew with %s", async (_name, write) => {
    const store = new SimpleChatStore({ ttlSeconds: 10 });
    await store.setMessages("k", range(0, 3));
    passSeconds(9);
    await write(store);
    passSeconds(9);
    expect(await store.countMessages("k")).toBeGreaterThan(0);
    passSeconds(1);
    expect(await store.countMessages("k")).toBe(0);
  });

  it.each<[string, (store: ChatStore) => Promise<unknown>]>([
    ["getMessages", (store) => store.getMessages("k")],
    ["getPage", (store) => store.getPage("k", { limit: 1 })],
    ["countMessages", (store) => store.countMessages("k")],
    ["getKeys", (store) => store.getKeys()],
    ["addMessages with none", (store) => store.addMessages("k", [])],
    ["deleteMessage beyond the end", (store) => store.deleteMessage("k", 3)],
    ["replaceMessage beyond the end", (store) => store.replaceMessage("k", 3, said("x"))],
    ["trimMessages to more than there are", (store) => store.trimMessages("k", 3)],
    ["addMessage beyond the end", (store) => failureOf(() => store.addMessage("k", said("x"), { index: 4 }))],
    ["a repeat", (store) => store.addMessage("k", said("2"), { operationId: "op" })],
    ["a write to another key", (store) => store.addMessage("other", said("x"))],
  ])("does not begin anew with %s", async (_name, noWrite) => {
    const store = new SimpleChatStore({ ttlSeconds: 10 });
    await store.setMessages("k", range(0, 2));
    await store.addMessage("k", said("2"), { operationId: "op" });
    passSeconds(9);
    await noWrite(store);
    passSeconds(1);
    expect(await store.countMessages("k")).toBe(0);
  });

  it("leaves nothing for a conversation that begins later under the same key", async () => {
    const store = new SimpleChatStore({ ttlSeconds: 10 });
    await store.setMessages("k", range(0, 3));
    const { before } = await store.getPage("k", { limit: 1 });
    passSeconds(10);
    await store.addMessage("k", said("new"));
    expect(await textsIn(store)).toEqual(["new"]);
    await failureOf(() => store.getPage("k", { limit: 1, before }), "CONFLICT");
  });

  it("takes fractions of a second, LlamaIndex's name, and no nonsense", async () => {
    const store = new SimpleChatStore({ ttl: 0.5 });
    await store.addMessage("k", said("x"));
    passSeconds(0.499);
    expect(await store.countMessages("k")).toBe(1);
    passSeconds(0.001);
    expect(await store.countMessages("k")).toBe(0);
    expect(new SimpleChatStore({ ttl: 5, ttlSeconds: 5 })).toBeInstanceOf(SimpleChatStore);
    for (const ttlSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12, "5", null]) {
      await failureOf(() => new SimpleChatStore({ ttlSeconds: ttlSeconds as number }), "INVALID_ARGUMENT");
      await failureOf(() => new SimpleChatStore({ ttl: ttlSeconds as number }), "INVALID_ARGUMENT");
    }
    await failureOf(() => new SimpleChatStore({ ttl: 5, ttlSeconds: 6 }), "INVALID_ARGUMENT");
  });

  it("frees what nobody asks for again, while others are written", async () => {
    const driver = new MemoryDriver(10_000);
    const context = (id: string, fromCaller: boolean) => ({
      operation: { id, fingerprint: "a", fromCaller },
      signal: new AbortController().signal,
      mayBeApplied: false,
    });
    const size = () => {
      // What is held, expired or not: there is no such question in the driver's interface.
      const get = vi.spyOn(Map.prototype, "keys");
      void driver.listKeys("");
      const [held] = get.mock.contexts as [Map<string, unknown>];
      get.mockRestore();
      return held.size;
    };
    for (let i = 0; i < 3000; i++) {
      if (i % 10 === 0) passSeconds(1);
      await driver.append(`k${i}`, ["{}"], context(`${i}`, false));
    }
    // Ten seconds are a hundred conversations: the sweep is at most a few rounds behind.
    expect(size()).toBeLessThan(400);

    // Ids of callers are remembered for a day after that, and then freed as well.
    for (let i = 0; i < 1000; i++) await driver.append(`c${i}`, ["{}"], context(`${i}`, true));
    passSeconds(60);
    for (let i = 0; i < 1500; i++) await driver.append("other", ["{}"], context(`${i}`, false));
    expect(size()).toBeGreaterThan(1000);
    passSeconds(25 * 60 * 60);
    for (let i = 0; i < 1500; i++) await driver.append("other", ["{}"], context(`${i}`, false));
    expect(size()).toBeLessThan(10);
  });
});

describe("operation ids", () => {
  it("are applied once, and answer as the first time", async () => {
    const store = new SimpleChatStore();
    const op = (operationId: string) => ({ operationId });
    await store.setMessages("k", range(0, 6), op("set"));
    for (let i = 0; i < 3; i++) {
      await store.addMessage("k", said("6"), op("add"));
      await store.addMessage("k", said("first"), { index: 0, ...op("insert") });
      await store.addMessages("k", [said("7"), said("8")], op("adds"));
      expect(await store.deleteMessage("k", 1, op("delete"))).toEqual(said("0"));
      expect(await store.deleteLastMessage("k", op("pop"))).toEqual(said("8"));
      expect(await store.replaceMessage("k", 1, said("one"), op("edit"))).toEqual(said("1"));
      expect(await store.trimMessages("k", 5, op("trim"))).toBe(3);
      await store.setMessages("k", range(0, 6), op("set"));
    }
    expect(await textsIn(store)).toEqual(["3", "4", "5", "6", "7"]);
  });

  it("answer as the first time, too, when there was nothing to do", async () => {
    const store = new SimpleChatStore();
    expect(await store.deleteLastMessage("k", { operationId: "pop" })).toBeUndefined();
    await failureOf(() => store.addMessage("k", said("x"), { index: 1, operationId: "insert" }), "INDEX_OUT_OF_RANGE");
    await store.setMessages("k", range(0, 3));
    expect(await store.deleteLastMessage("k", { operationId: "pop" })).toBeUndefined();
    expect(await store.countMessages("k")).toBe(3);
    // What was refused did not happen, and so may happen when it is sent again.
    for (let i = 0; i < 2; i++) await store.addMessage("k", said("x"), { index: 1, operationId: "insert" });
    expect(await textsIn(store)).toEqual(["0", "x", "1", "2"]);
  });

  it("with other arguments or another operation are CONFLICT, and change nothing", async () => {
    const store = new SimpleChatStore();
    const options = { operationId: "op" };
    await store.addMessage("k", said("s3cret-4711"), options);
    const others: (() => Promise<unknown>)[] = [
      () => store.addMessage("k", said("other"), options),
      () => store.addMessages("k", [said("s3cret-4711"), said("x")], options),
      () => store.addMessage("k", said("s3cret-4711"), { index: 0, ...options }),
      () => store.setMessages("k", [said("s3cret-4711")], options),
      () => store.deleteMessages("k", options),
      () => store.deleteMessage("k", 0, options),
      () => store.deleteLastMessage("k", options),
      () => store.replaceMessage("k", 0, said("s3cret-4711"), options),
      () => store.trimMessages("k", 0, options),
    ];
    for (const other of others) {
      const failure = await failureOf(other, "CONFLICT");
      expect(failure).toMatchObject({ outcome: "not-applied", key: "k" });
      expect(everythingShownOf(failure)).not.toContain("s3cret-4711");
    }
    expect(await textsIn(store)).toEqual(["s3cret-4711"]);
    await store.addMessage("another key", said("other"), options);
    expect(await textsIn(store, "another key")).toEqual(["other"]);
  });

  it.each<[string, (store: ChatStore) => Promise<unknown>]>([
    ["was forgotten", (store) => store.deleteMessages("k")],
    ["was emptied by setMessages", (store) => store.setMessages("k", [])],
    ["lost its last message", (store) => store.deleteLastMessage("k")],
    ["was trimmed to nothing", (store) => store.trimMessages("k", 0)],
  ])("hold on a key that %s in between", async (_name, end) => {
    const store = new SimpleChatStore();
    await store.addMessage("k", said("x"), { operationId: "op" });
    await end(store);
    await store.addMessage("k", said("x"), { operationId: "op" });
    expect(await store.countMessages("k")).toBe(0);
    expect(await store.getKeys()).toEqual([]);
    await failureOf(() => store.addMessage("k", said("y"), { operationId: "op" }), "CONFLICT");
    await store.addMessage("k", said("new"));
    await store.addMessage("k", said("x"), { operationId: "op" });
    expect(await textsIn(store)).toEqual(["new"]);
  });

  it("hold on a key that expired in between", async () => {
    vi.useFakeTimers();
    try {
      const store = new SimpleChatStore({ ttlSeconds: 1 });
      await store.addMessage("k", said("x"), { operationId: "op" });
      vi.advanceTimersByTime(1000);
      for (let i = 0; i < 5; i++) await store.addMessage("other", said("sweeps"));
      await store.addMessage("k", said("x"), { operationId: "op" });
      expect(await store.countMessages("k")).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("hold for 32 later mutations with ids, and for any number without", async () => {
    const store = new SimpleChatStore();
    await store.addMessage("k", said("first"), { operationId: "first" });
    for (let i = 0; i < 200; i++) await store.addMessage("k", said(String(i)));
    for (let i = 0; i < 32; i++) await store.addMessage("k", said(String(i)), { operationId: String(i) });
    await store.addMessage("k", said("first"), { operationId: "first" });
    expect(await store.countMessages("k")).toBe(233);
  });

  it("that look like members of an object are ids like any other", async () => {
    const store = new SimpleChatStore();
    for (const operationId of ["__proto__", "constructor", "toString"]) {
      for (let i = 0; i < 2; i++) await store.addMessage("k", said(operationId), { operationId });
    }
    expect(await textsIn(store)).toEqual(["__proto__", "constructor", "toString"]);
  });
});

describe("cursors", () => {
  /** Twenty messages, and the cursor behind the newest ten: what it leads to is 0 to 9. */
  async function halfRead() {
    const store = new SimpleChatStore();
    await store.setMessages("k", range(0, 20));
    const page = await store.getPage("k", { limit: 10 });
    expect(textsOf(page.messages)).toEqual(textsOf(range(10, 20)));
    const older = async (limit = 100) => textsOf((await store.getPage("k", { limit, before: page.before })).messages);
    return { store, older };
  }
  const oldHalf = textsOf(range(0, 10));

  it("lead from page to page to the oldest message, whatever the limit", async () => {
    const store = new SimpleChatStore();
    await store.setMessages("k", range(0, 10));
    for (const limit of [1, 3, 5, 9, 10, 11, Number.MAX_SAFE_INTEGER]) {
      const pages: unknown[][] = [];
      let before: string | undefined;
      do {
        const page = await store.getPage("k", { limit, before });
        pages.unshift(textsOf(page.messages));
        before = page.before;
      } while (before !== undefined);
      expect(pages).toHaveLength(Math.ceil(10 / limit));
      expect(pages.flat()).toEqual(textsOf(range(0, 10)));
    }
  });

  it.each<[string, (store: ChatStore) => Promise<unknown>]>([
    ["appends", (store) => store.addMessages("k", range(20, 50))],
    ["inserts among the newer", (store) => store.addMessage("k", said("x"), { index: 15 })],
    ["deletes among the newer", (store) => store.deleteMessage("k", 15)],
    ["edits among the newer", (store) => store.replaceMessage("k", 15, said("x"))],
    ["an edit of the message it came from", (store) => store.replaceMessage("k", 10, said("x"))],
    ["the message it came from being deleted", (store) => store.deleteMessage("k", 10)],
    [
      "pops up to the message it came from",
      async (store) => {
        for (let i = 0; i < 10; i++) await store.deleteLastMessage("k");
      },
    ],
    [
      "pops, and appends after them",
      async (store) => {
        for (let i = 0; i < 10; i++) await store.deleteLastMessage("k");
        await store.addMessages("k", range(100, 120));
      },
    ],
    [
      "an insert at its place's newer side",
      async (store) => {
        await store.deleteMessage("k", 10);
        await store.addMessage("k", said("x"), { index: 11 });
      },
    ],
  ])("are not moved by %s", async (_name, change) => {
    const { store, older } = await halfRead();
    await change(store);
    expect(await older()).toEqual(oldHalf);
  });

  it("are not moved by what is deleted on both sides and appended anew", async () => {
    const { store, older } = await halfRead();
    for (let i = 0; i < 15; i++) await store.deleteLastMessage("k");
    await store.addMessages("k", range(100, 120));
    expect(await older()).toEqual(textsOf(range(0, 5)));
  });

  it("see what becomes of the older messages", async () => {
    const { store, older } = await halfRead();
    await store.replaceMessage("k", 9, said("nine"));
    await store.deleteMessage("k", 8);
    await store.addMessage("k", said("and a half"), { index: 8 });
    await store.addMessage("k", said("oldest"), { index: 0 });
    expect(await older()).toEqual(["oldest", "0", "1", "2", "3", "4", "5", "6", "7", "and a half", "nine"]);
    expect(await older(2)).toEqual(["and a half", "nine"]);
  });

  it("lead to nothing when all older messages were trimmed", async () => {
    const { store, older } = await halfRead();
    await store.trimMessages("k", 5);
    expect(await older()).toEqual([]);
  });

  it.each<[string, (store: ChatStore) => Promise<unknown>]>([
    ["replaced", (store) => store.setMessages("k", range(0, 20))],
    ["forgotten", (store) => store.deleteMessages("k")],
    ["emptied", (store) => store.trimMessages("k", 0)],
    [
      "forgotten and begun anew",
      async (store) => {
        await store.deleteMessages("k");
        await store.addMessages("k", range(0, 20));
      },
    ],
  ])("of a history that was %s are CONFLICT", async (_name, end) => {
    const { store, older } = await halfRead();
    await end(store);
    await failureOf(() => older(), "CONFLICT");
  });

  it("stand 30 inserts at one spot, next to them or not, and any number at the beginning", async () => {
    for (const index of [5, 10, 15]) {
      const { store, older } = await halfRead();
      const inserted = Array.from({ length: 30 }, (_, i) => `x${i}`);
      for (const text of inserted) await store.addMessage("k", said(text), { index });
      const expected: unknown[] = [...oldHalf];
      // What is inserted right before the message that the cursor came from is older than it.
      if (index <= 10) expected.splice(index, 0, ...inserted.reverse());
      expect(await older()).toEqual(expected);
    }
    const { store, older } = await halfRead();
    for (let i = 0; i < 200; i++) await store.addMessage("k", said("x"), { index: 0 });
    expect((await older(210)).slice(200)).toEqual(oldHalf);
  });

  it("after very many inserts at one spot are right or CONFLICT, and the order stays", async () => {
    const { store, older } = await halfRead();
    const inserted: string[] = [];
    let conflicts = 0;
    for (let i = 0; i < 300; i++) {
      inserted.unshift(`x${i}`);
      await store.addMessage("k", said(`x${i}`), { index: 5 });
      try {
        const expected = [...oldHalf.slice(0, 5), ...inserted, ...oldHalf.slice(5)];
        expect(await older(1000)).toEqual(expected);
      } catch (error) {
        await failureOf(() => Promise.reject(error), "CONFLICT");
        conflicts++;
      }
    }
    expect(conflicts).toBeLessThan(270);
    expect(await textsIn(store)).toEqual([...textsOf(range(0, 5)), ...inserted, ...textsOf(range(5, 20))]);
  });

  it("of another store or made up are INVALID_ARGUMENT", async () => {
    const { store } = await halfRead();
    const { before } = await store.getPage("k", { limit: 1 });
    const [seal] = before!.split(".");
    for (const place of [
      "",
      "x",
      "1",
      "1/",
      "1/x",
      "/1",
      "1/1/1",
      "1/NaN",
      "1/Infinity",
      "-1/1",
      "1/1e",
      "__proto__",
    ]) {
      await failureOf(() => store.getPage("k", { limit: 1, before: `${seal}.${place}` }), "INVALID_ARGUMENT");
    }
  });
});

describe("a long history", () => {
  it("is appended to 100,000 times, and read at both ends", async () => {
    const store = new SimpleChatStore();
    for (let i = 0; i < 100_000; i++) await store.addMessage("k", said(String(i)));
    expect(await store.countMessages("k")).toBe(100_000);
    const newest = await store.getPage("k", { limit: 2 });
    expect(textsOf(newest.messages)).toEqual(["99998", "99999"]);
    const older = await store.getPage("k", { limit: 2, before: newest.before });
    expect(textsOf(older.messages)).toEqual(["99996", "99997"]);
    expect(textsOf((await store.getPage("k", { limit: 2, from: "oldest" })).messages)).toEqual(["0", "1"]);
    const all = await store.getMessages("k");
    expect(all.every(({ content }, i) => content === String(i))).toBe(true);
  });
});

describe("objects", () => {
  it("that went in or came out are not the store's own", async () => {
    const store = new SimpleChatStore();
    const message = { role: "user" as const, content: "x", additionalKwargs: { list: [1] } };
    await store.addMessage("k", message);
    message.additionalKwargs.list.push(2);
    const [first] = await store.getMessages("k");
    (first!.additionalKwargs as { list: number[] }).list.push(3);
    expect((await store.getMessages("k"))[0]?.additionalKwargs).toEqual({ list: [1] });
    const json = store.toJSON() as { store: Record<string, unknown> };
    json.store.k = [];
    expect(await store.countMessages("k")).toBe(1);
  });

  it("of util.inspect show nothing of a store's messages", async () => {
    const store = new SimpleChatStore();
    await store.addMessage("k", said("s3cret-4711"));
    const { inspect } = await import("node:util");
    expect(inspect(store, { depth: 20, showHidden: true })).not.toContain("s3cret-4711");
  });
});
