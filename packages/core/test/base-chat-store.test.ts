import { describe, expect, it } from "vitest";
import { BaseChatStore } from "../src/backend/base-chat-store.js";
import type { ChatStore } from "../src/chat-store.js";
import { chatStoreError, isChatStoreError } from "../src/errors.js";
import type { ChatMessageInput } from "../src/messages/message.js";
import { everythingShownOf, failureOf } from "./support/errors.js";
import { answering, failing, ScriptedDriver, SdkError, scripted } from "./support/scripted-driver.js";

const hello: ChatMessageInput = { role: "user", content: "Hello" };
const payload = '{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"Hello"}]}';

/** Every operation once, with good arguments. */
const operations: [string, (store: ChatStore, key: string) => Promise<unknown>][] = [
  ["setMessages", (store, key) => store.setMessages(key, [hello])],
  ["setMessages with none", (store, key) => store.setMessages(key, [])],
  ["getMessages", (store, key) => store.getMessages(key)],
  ["addMessage", (store, key) => store.addMessage(key, hello)],
  ["addMessage with an index", (store, key) => store.addMessage(key, hello, { index: 0 })],
  ["addMessages", (store, key) => store.addMessages(key, [hello])],
  ["deleteMessages", (store, key) => store.deleteMessages(key)],
  ["deleteMessage", (store, key) => store.deleteMessage(key, 0)],
  ["deleteLastMessage", (store, key) => store.deleteLastMessage(key)],
  ["replaceMessage", (store, key) => store.replaceMessage(key, 0, hello)],
  ["trimMessages", (store, key) => store.trimMessages(key, 1)],
  ["getPage", (store, key) => store.getPage(key, { limit: 1 })],
  ["getPage from the oldest", (store, key) => store.getPage(key, { limit: 1, from: "oldest" })],
  ["countMessages", (store, key) => store.countMessages(key)],
];
const listings: [string, (store: ChatStore) => Promise<unknown>][] = [
  ["getKeys", (store) => store.getKeys()],
  ["listKeys", (store) => store.listKeys()[Symbol.asyncIterator]().next()],
];

describe("what a driver is asked", () => {
  it("one call an operation, with encoded messages", async () => {
    const { store, driver, counts } = scripted();
    for (const [, run] of operations) await run(store, "k");
    expect(driver.calls.map(({ method, args }) => [method, ...args])).toEqual([
      ["replace", "k", [payload]],
      ["forget", "k"],
      ["readAll", "k"],
      ["append", "k", [payload]],
      ["insert", "k", 0, payload],
      ["append", "k", [payload]],
      ["forget", "k"],
      ["remove", "k", 0],
      ["pop", "k"],
      ["edit", "k", 0, payload],
      ["trim", "k", 1],
      ["readPage", "k", 1, undefined],
      ["readOldest", "k", 1],
      ["count", "k"],
    ]);
    expect(counts.opens).toBe(1);
  });

  it("nothing when there is nothing to append", async () => {
    const { store, driver } = scripted();
    await store.addMessages("k", []);
    expect(driver.calls).toEqual([]);
  });

  it("what the caller had at the moment of the call", async () => {
    const { store, driver } = scripted();
    const messages: { content: string }[] = [{ content: "Hello" }];
    const adding = store.addMessages("k", messages);
    messages[0]!.content = "changed";
    messages.push({ content: "more" });
    await adding;
    expect(driver.calls[0]?.args[1]).toEqual([payload]);
  });

  it("each mutation has an id of its own, of 20 characters, and rising with time", async () => {
    const { store, driver } = scripted();
    for (let i = 0; i < 600; i++) await store.addMessage("k", hello);
    const ids = driver.calls.map(({ context }) => context.operation.id);
    expect(new Set(ids).size).toBe(600);
    expect(ids.every((id) => /^[-_0-9A-Za-z]{20}$/.test(id))).toBe(true);
    const times = ids.map((id) => id.slice(0, 8));
    expect(times).toEqual([...times].sort());
    expect(driver.calls.every(({ context }) => !context.operation.fromCaller)).toBe(true);
  });
});

describe("answers", () => {
  it("are decoded", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering([payload]), answering(payload), answering(payload), answering(payload), answering(3));
    expect(await store.getMessages("k")).toEqual([hello]);
    expect(await store.deleteMessage("k", 0)).toEqual(hello);
    expect(await store.deleteLastMessage("k")).toEqual(hello);
    expect(await store.replaceMessage("k", 0, hello)).toEqual(hello);
    expect(await store.trimMessages("k", 0)).toBe(3);
  });

  it("of an insert beyond the end are INDEX_OUT_OF_RANGE", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering(false));
    const failure = await failureOf(() => store.addMessage("k", hello, { index: 7 }), "INDEX_OUT_OF_RANGE");
    expect(failure).toMatchObject({ outcome: "not-applied", key: "k" });
  });

  it("that are no messages are CORRUPT_MESSAGE, with key and position, and without content", async () => {
    const secret = "s3cret-4711";
    const corrupt = `{"role":"${secret}"}`;
    const { store, driver } = scripted();
    driver.steps.push(answering([payload, corrupt]), answering({ payloads: [corrupt] }));
    driver.steps.push(answering(corrupt), answering(corrupt), answering(corrupt));
    const calls: [() => Promise<unknown>, string][] = [
      [() => store.getMessages("k1"), "message 1 "],
      [() => store.getPage("k1", { limit: 1 }), "message 0 of the page"],
      [() => store.deleteMessage("k1", 0), "It was done"],
      [() => store.deleteLastMessage("k1"), "It was done"],
      [() => store.replaceMessage("k1", 0, hello), ""],
    ];
    for (const [call, place] of calls) {
      const failure = await failureOf(call, "CORRUPT_MESSAGE");
      expect(failure.key).toBe("k1");
      expect(failure.message).toContain('"k1"');
      expect(failure.message).toContain(place);
      expect(everythingShownOf(failure)).not.toContain(secret);
    }
  });

  it("of keys that are none here, which others stored, are left out", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering({ keys: ["", "a", "k".repeat(513), "\ud800", "b"] }));
    expect(await store.getKeys()).toEqual(["a", "b"]);
  });

  it("of keys come page by page", async () => {
    const { store, driver } = scripted();
    const script = () =>
      driver.steps.push(
        answering({ keys: ["a", "b"], cursor: "1" }),
        answering({ keys: [], cursor: "2" }),
        answering({ keys: ["c"] }),
      );
    script();
    const keys: string[] = [];
    for await (const key of store.listKeys({ prefix: "p%_*", pageSize: 2 })) keys.push(key);
    expect(keys).toEqual(["a", "b", "c"]);
    expect(driver.calls.map(({ args }) => args)).toEqual([
      ["p%_*", 2, undefined],
      ["p%_*", 2, "1"],
      ["p%_*", 2, "2"],
    ]);
    script();
    expect(await store.getKeys()).toEqual(["a", "b", "c"]);
    expect(driver.calls[3]?.args).toEqual(["", 1000, undefined]);
  });
});

describe("bad arguments", () => {
  const untyped = <T>(value: unknown) => value as T;
  const badKeys: [string, unknown][] = [
    ["an empty text", ""],
    ["a number", 5],
    ["undefined", undefined],
    ["null", null],
    ["an object", { toString: () => "k" }],
    ["a list", ["k"]],
    ["513 bytes", "k".repeat(513)],
    ["513 bytes of longer characters", `${"é".repeat(256)}k`],
    ["513 bytes of emoji", `${"😀".repeat(128)}k`],
    ["a lone high surrogate", "k\ud800"],
    ["a lone low surrogate", "\udc00k"],
  ];

  it.each(badKeys)("a key that is %s", async (_name, key) => {
    const { store, driver, counts } = scripted();
    for (const [, run] of operations) {
      const failure = await failureOf(() => run(store, untyped(key)), "INVALID_KEY");
      expect(failure.outcome).toBeUndefined();
    }
    expect(driver.calls).toEqual([]);
    expect(counts.opens).toBe(0);
  });

  it.each([
    ["one byte", "k"],
    ["512 bytes", "k".repeat(512)],
    ["512 bytes of longer characters", "é".repeat(256)],
    ["512 bytes of emoji", "😀".repeat(128)],
    ["control characters", "\0\n\x7f\u2028"],
    ["what looks like a path, a pattern or SQL", "../*?[x]{y}%_'; --"],
    ["__proto__", "__proto__"],
  ])("a key that is %s is none of them", async (_name, key) => {
    const { store, driver } = scripted();
    for (const [, run] of operations) await run(store, key);
    expect(driver.calls.every(({ args }) => args[0] === key)).toBe(true);
  });

  const badCalls: [string, (store: ChatStore) => Promise<unknown>, string][] = [];
  const indexed: [string, (store: ChatStore, index: number) => Promise<unknown>][] = [
    ["addMessage", (store, index) => store.addMessage("k", hello, { index })],
    ["deleteMessage", (store, index) => store.deleteMessage("k", index)],
    ["replaceMessage", (store, index) => store.replaceMessage("k", index, hello)],
  ];
  for (const [name, run] of indexed) {
    for (const index of [0.5, Number.NaN, Number.POSITIVE_INFINITY, "0", null, [0], 0n]) {
      badCalls.push([`${name} at ${String(index)}`, (store) => run(store, untyped(index)), "INVALID_ARGUMENT"]);
    }
    badCalls.push([`${name} at -1`, (store) => run(store, -1), "INDEX_OUT_OF_RANGE"]);
  }
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", undefined, null]) {
    badCalls.push([
      `getPage with limit ${String(limit)}`,
      (store) => store.getPage("k", { limit: untyped(limit) }),
      "INVALID_ARGUMENT",
    ]);
  }
  for (const keepLast of [-1, 1.5, Number.NaN, "1", undefined, null]) {
    badCalls.push([
      `trimMessages to ${String(keepLast)}`,
      (store) => store.trimMessages("k", untyped(keepLast)),
      "INVALID_ARGUMENT",
    ]);
  }
  for (const operationId of ["", "k".repeat(129), "é".repeat(65), "\ud800", 5, null, {}]) {
    const options = { operationId: untyped<string>(operationId) };
    const name = `operationId ${JSON.stringify(operationId).slice(0, 20)}`;
    badCalls.push([`addMessage with ${name}`, (store) => store.addMessage("k", hello, options), "INVALID_ARGUMENT"]);
    badCalls.push([`deleteMessages with ${name}`, (store) => store.deleteMessages("k", options), "INVALID_ARGUMENT"]);
  }
  for (const messages of [undefined, null, "Hello", { 0: hello, length: 1 }, new Set([hello])]) {
    const list = untyped<ChatMessageInput[]>(messages);
    badCalls.push([
      `setMessages with ${String(messages)}`,
      (store) => store.setMessages("k", list),
      "INVALID_ARGUMENT",
    ]);
    badCalls.push([
      `addMessages with ${String(messages)}`,
      (store) => store.addMessages("k", list),
      "INVALID_ARGUMENT",
    ]);
  }
  for (const message of [undefined, null, "Hello", {}, { content: 5 }, { ...hello, role: "memory" }]) {
    const one = untyped<ChatMessageInput>(message);
    const name = JSON.stringify(message);
    badCalls.push([`addMessage with ${name}`, (store) => store.addMessage("k", one), "INVALID_MESSAGE"]);
    badCalls.push([`addMessages with ${name}`, (store) => store.addMessages("k", [hello, one]), "INVALID_MESSAGE"]);
    badCalls.push([`setMessages with ${name}`, (store) => store.setMessages("k", [hello, one]), "INVALID_MESSAGE"]);
    badCalls.push([`replaceMessage with ${name}`, (store) => store.replaceMessage("k", 0, one), "INVALID_MESSAGE"]);
  }
  badCalls.push(
    ["getPage without options", (store) => store.getPage("k", untyped(undefined)), "INVALID_ARGUMENT"],
    ["getPage with null", (store) => store.getPage("k", untyped(null)), "INVALID_ARGUMENT"],
    [
      "getPage from the middle",
      (store) => store.getPage("k", { limit: 1, from: untyped("middle") }),
      "INVALID_ARGUMENT",
    ],
    [
      "getPage from the oldest before a page",
      (store) => store.getPage("k", { limit: 1, from: "oldest", before: "x" }),
      "INVALID_ARGUMENT",
    ],
    ["getKeys with a prefix that is a number", (store) => store.getKeys({ prefix: untyped(5) }), "INVALID_ARGUMENT"],
    ["getKeys with a prefix null", (store) => store.getKeys({ prefix: untyped(null) }), "INVALID_ARGUMENT"],
  );
  for (const pageSize of [0, -1, 1.5, 1001, "1", null]) {
    badCalls.push([
      `listKeys with pageSize ${String(pageSize)}`,
      (store) =>
        store
          .listKeys({ pageSize: untyped(pageSize) })
          [Symbol.asyncIterator]()
          .next(),
      "INVALID_ARGUMENT",
    ]);
  }

  it.each(badCalls)("%s", async (_name, run, code) => {
    const { store, driver, counts } = scripted();
    let answer: Promise<unknown> | undefined;
    expect(() => {
      answer = run(store);
    }, "rejects, and never throws").not.toThrow();
    const failure = await answer!.catch((error: unknown) => error);
    expect(isChatStoreError(failure) && failure.code).toBe(code);
    expect(isChatStoreError(failure) && failure.outcome).toBeUndefined();
    expect(driver.calls).toEqual([]);
    expect(counts.opens).toBe(0);
  });

  it("a bad message is named by its place", async () => {
    const { store } = scripted();
    const bad = untyped<ChatMessageInput>({ content: [{ type: "text" }] });
    const failure = await failureOf(() => store.addMessages("k", [hello, bad]), "INVALID_MESSAGE");
    expect(failure.message).toContain("messages[1].content[0].text");
  });

  it("an operationId of 128 bytes is good", async () => {
    const { store, driver } = scripted();
    for (const operationId of ["x", "k".repeat(128), "é".repeat(64)]) {
      await store.addMessage("k", hello, { operationId });
      expect(driver.calls.at(-1)?.context.operation).toMatchObject({ id: operationId, fromCaller: true });
    }
  });

  it.each([
    { timeoutMs: 0 },
    { timeoutMs: -1 },
    { timeoutMs: Number.NaN },
    { timeoutMs: "5" },
    { timeoutMs: null },
    { maxRetries: -1 },
    { maxRetries: 0.5 },
    { maxRetries: Number.POSITIVE_INFINITY },
    { maxRetries: "5" },
  ])("options of a store: %j", async (options) => {
    await failureOf(() => scripted(untyped(options)), "INVALID_ARGUMENT");
  });
});

describe("messages that are too large", () => {
  it("are measured in UTF-8 bytes, and nothing is sent", async () => {
    const { store, driver } = scripted();
    const base = payload.length - "Hello".length;
    driver.maxPayloadBytes = base + 6;
    const fits = ["abcdef", "ééé", "你好", "😀aa"];
    const tooLarge = ["abcdefg", "éééa", "你好a", "😀aaa", "a".repeat(1000)];
    for (const content of fits) await store.addMessage("k", { content });
    expect(driver.calls).toHaveLength(fits.length);
    for (const content of tooLarge) {
      const calls = [
        () => store.addMessage("k", { content }),
        () => store.addMessage("k", { content }, { index: 0 }),
        () => store.replaceMessage("k", 0, { content }),
        () => store.setMessages("k", [{ content }]),
      ];
      for (const call of calls) {
        const failure = await failureOf(call, "MESSAGE_TOO_LARGE");
        expect(failure).toMatchObject({ outcome: "not-applied", key: "k" });
        expect(failure.message).toContain(`has ${base + new TextEncoder().encode(content).length} bytes`);
        expect(failure.message).toContain(String(base + 6));
        expect(failure.message).not.toContain(content);
      }
      const failure = await failureOf(() => store.addMessages("k", [hello, { content }]), "MESSAGE_TOO_LARGE");
      expect(failure.message).toContain("messages[1]");
    }
    expect(driver.calls).toHaveLength(fits.length);
  });
});

describe("fingerprints", () => {
  async function fingerprintOf(run: (store: ChatStore, options: { operationId: string }) => Promise<unknown>) {
    const { store, driver } = scripted();
    await run(store, { operationId: "op" });
    return driver.calls[0]!.context.operation.fingerprint;
  }
  const other: ChatMessageInput = { content: "Hello!" };
  const different: Parameters<typeof fingerprintOf>[0][] = [
    (store, o) => store.addMessage("k", hello, o),
    (store, o) => store.addMessage("k", other, o),
    (store, o) => store.addMessage("k", { content: "Hello", id: "1" }, o),
    (store, o) => store.addMessages("k", [hello, hello], o),
    (store, o) => store.addMessages("k", [hello, other], o),
    (store, o) => store.addMessages("k", [other, hello], o),
    (store, o) => store.addMessage("k", hello, { ...o, index: 0 }),
    (store, o) => store.addMessage("k", hello, { ...o, index: 1 }),
    (store, o) => store.addMessage("k", other, { ...o, index: 1 }),
    (store, o) => store.setMessages("k", [hello], o),
    (store, o) => store.setMessages("k", [other], o),
    (store, o) => store.deleteMessages("k", o),
    (store, o) => store.deleteMessage("k", 0, o),
    (store, o) => store.deleteMessage("k", 1, o),
    (store, o) => store.deleteLastMessage("k", o),
    (store, o) => store.replaceMessage("k", 0, hello, o),
    (store, o) => store.replaceMessage("k", 1, hello, o),
    (store, o) => store.replaceMessage("k", 1, other, o),
    (store, o) => store.trimMessages("k", 0, o),
    (store, o) => store.trimMessages("k", 1, o),
  ];

  it("differ with what is asked for, and are the same for the same", async () => {
    const first: string[] = [];
    const again: string[] = [];
    for (const run of different) {
      first.push(await fingerprintOf(run));
      again.push(await fingerprintOf(run));
    }
    expect(new Set(first).size).toBe(different.length);
    expect(again).toEqual(first);
    expect(first.every((fingerprint) => /^[\x21-\x7e]{1,20}$/.test(fingerprint))).toBe(true);
  });

  it("are the same for what is stored the same", async () => {
    const one = await fingerprintOf((store, o) => store.addMessage("k", { content: "Hello" }, o));
    const same: ChatMessageInput = { role: "user", content: [{ type: "text", text: "Hello" }], additionalKwargs: {} };
    expect(await fingerprintOf((store, o) => store.addMessages("k", [same], o))).toBe(one);
    const none = await fingerprintOf((store, o) => store.setMessages("k", [], o));
    expect(await fingerprintOf((store, o) => store.deleteMessages("k", o))).toBe(none);
  });
});

describe("cursors", () => {
  it("go back to the driver as they came, and only with their own key", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering({ payloads: [payload], before: "place.7" }));
    const { before } = await store.getPage("k", { limit: 1 });
    await store.getPage("k", { limit: 2, before });
    expect(driver.calls[1]?.args).toEqual(["k", 2, "place.7"]);
    for (const stray of [before!, "", ".", "place.7", `x${before}`, 5, {}, null]) {
      await failureOf(() => store.getPage("other", { limit: 1, before: stray as string }), "INVALID_ARGUMENT");
    }
    expect(driver.calls).toHaveLength(2);
  });

  it("are absent when there are no older messages, and for the oldest page", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering({ payloads: [payload] }), answering([payload]));
    expect(await store.getPage("k", { limit: 1 })).toStrictEqual({ messages: [hello] });
    expect(await store.getPage("k", { limit: 1, from: "oldest" })).toStrictEqual({ messages: [hello] });
  });
});

describe("opening", () => {
  it("that failed is tried again by the next operation, which has not been applied", async () => {
    const { store, driver, opened, counts } = scripted();
    opened.push(() => {
      throw new SdkError({ code: "MISCONFIGURED", message: "Wrong password.", outcome: "unknown" });
    });
    const failure = await failureOf(() => store.addMessage("k", hello), "MISCONFIGURED");
    expect(failure).toMatchObject({ message: "Wrong password.", outcome: "not-applied", key: "k" });
    expect(driver.calls).toEqual([]);
    await store.addMessage("k", hello);
    expect(counts.opens).toBe(2);
    expect(driver.calls).toHaveLength(1);
  });

  it("that throws at once is no different", async () => {
    const driver = new ScriptedDriver();
    let opens = 0;
    const open = () => {
      if (++opens === 1) throw chatStoreError("MISCONFIGURED", "No url.");
      return driver;
    };
    const store = new BaseChatStore({ name: "sync", open });
    await failureOf(() => store.getMessages("k"), "MISCONFIGURED");
    expect(await store.getMessages("k")).toEqual([]);
    expect(opens).toBe(2);
  });

  it("that failed for a passing reason is tried again by the same operation", async () => {
    const { store, driver, opened, counts } = scripted();
    opened.push(() => {
      throw new SdkError({ retry: true });
    });
    await store.addMessage("k", hello);
    expect(counts.opens).toBe(2);
    expect(driver.calls).toHaveLength(1);
  });

  it("is done once for many operations at a time", async () => {
    const { store, driver, counts } = scripted();
    await Promise.all(operations.map(([, run]) => run(store, "k")));
    expect(counts.opens).toBe(1);
    expect(driver.calls).toHaveLength(operations.length);
  });
});

describe("closing", () => {
  it("before first use opens nothing", async () => {
    const { store, driver, counts } = scripted();
    await store.close();
    expect(counts.opens).toBe(0);
    expect(driver.closed).toBe(0);
    await failureOf(() => store.getMessages("k"), "CLOSED");
    expect(counts.opens).toBe(0);
  });

  it("twice, also at a time and by `await using`, closes the driver once", async () => {
    const { store, driver } = scripted();
    await store.getMessages("k");
    await Promise.all([store.close(), store[Symbol.asyncDispose]()]);
    await store.close();
    expect(driver.closed).toBe(1);
  });

  it("waits for what is under way, and refuses what comes after", async () => {
    const { store, driver } = scripted();
    let finish: (answer: unknown) => void = () => {};
    driver.steps.push(() => new Promise((resolve) => (finish = resolve)), failing({ retry: true }), answering(2));
    const reading = store.getMessages("k");
    const counting = store.countMessages("k");
    const closing = store.close();
    for (const [name, run] of operations) {
      const failure = await failureOf(() => run(store, "k"), "CLOSED");
      const isRead = /^(get|count)/.test(name);
      expect(failure.outcome, name).toBe(isRead ? undefined : "not-applied");
    }
    for (const [, run] of listings) await failureOf(() => run(store), "CLOSED");
    expect(await counting).toBe(2);
    expect(driver.closed).toBe(0);
    finish([payload]);
    expect(await reading).toEqual([hello]);
    await closing;
    expect(driver.closed).toBe(1);
    expect(driver.calls).toHaveLength(3);
  });

  it("ends a listing at its next page", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering({ keys: ["a"], cursor: "1" }));
    const listing = store.listKeys()[Symbol.asyncIterator]();
    expect((await listing.next()).value).toBe("a");
    await store.close();
    await failureOf(() => listing.next(), "CLOSED");
  });

  it("after an opening that failed closes nothing", async () => {
    const { store, driver, opened } = scripted();
    opened.push(() => {
      throw new SdkError({});
    });
    const reading = failureOf(() => store.getMessages("k"), "UNAVAILABLE");
    await store.close();
    await reading;
    expect(driver.closed).toBe(0);
  });

  it("that fails says so without the SDK's words", async () => {
    const { store, driver } = scripted();
    await store.getMessages("k");
    driver.onClose = failing({ message: "The connection is gone." }) as () => unknown;
    const failure = await failureOf(() => store.close(), "UNAVAILABLE");
    expect(failure.message).toBe("The connection is gone.");
    expect(everythingShownOf(failure)).not.toContain("hunter2");
  });
});

describe("what a store shows of itself", () => {
  it("is nothing of how it is connected, nor of what it holds", async () => {
    const secret = "s3cret-4711";
    const driver = Object.assign(new ScriptedDriver(), { connection: `redis://:${secret}@host` });
    const store = new BaseChatStore({ name: "scripted", open: () => driver });
    await store.addMessage("k", { content: secret });
    expect(JSON.stringify({ store })).toBe('{"store":{"chatStore":"scripted"}}');
    expect(everythingShownOf(store)).not.toContain(secret);
  });
});

describe("what a store offers beyond ChatStore", () => {
  class WithSetup extends BaseChatStore {
    run(task: () => Promise<string>, signal?: AbortSignal) {
      return this.maintain({ signal }, task);
    }
  }
  const failure = { code: "UNAVAILABLE", message: "told", outcome: "unknown", retry: true } as const;
  const newStore = () => new WithSetup({ name: "x", open: () => new ScriptedDriver(), explain: () => failure });

  it("answers, and tells what went wrong in the store's words, once", async () => {
    expect(await newStore().run(async () => "done")).toBe("done");
    let runs = 0;
    const failing = async () => {
      runs++;
      throw new SdkError({});
    };
    expect(await failureOf(() => newStore().run(failing), "UNAVAILABLE")).toMatchObject({ message: "told" });
    expect(runs).toBe(1);
  });

  it("is refused when the store is closed, and waited for while it closes", async () => {
    const store = newStore();
    let finish = (_: string) => {};
    const running = store.run(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    let closed = false;
    const closing = store.close().then(() => {
      closed = true;
    });
    await failureOf(() => store.run(async () => "x"), "CLOSED");
    expect(closed).toBe(false);
    finish("late");
    expect(await running).toBe("late");
    await closing;
  });

  it("is given up with its signal", async () => {
    await failureOf(() => newStore().run(async () => "x", AbortSignal.abort()), "ABORTED");
    const controller = new AbortController();
    const cutOff = async () => {
      controller.abort();
      throw new SdkError({});
    };
    await failureOf(() => newStore().run(cutOff, controller.signal), "ABORTED");
  });
});
