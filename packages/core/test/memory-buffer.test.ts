import { describe, expect, test, vi } from "vitest";
import { ChatMemoryBuffer, type ChatMemoryBufferOptions } from "../src/memory/chat-memory-buffer.js";
import type { Tokenizer } from "../src/memory/token-meter.js";
import { messageFromStored } from "../src/messages/codec.js";
import type { ChatMessage, JsonValue, MessageRole } from "../src/messages/message.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";
import { everythingShownOf, failureOf } from "./support/errors.js";
import { golden } from "./support/golden.js";
import { scripted } from "./support/scripted-driver.js";
import { wrong } from "./support/wrong.js";

const words = (text: string) => text.split(/\s+/).filter(Boolean).length;
const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });

describe("a memory", () => {
  test("has LlamaIndex's defaults", () => {
    const memory = new ChatMemoryBuffer();
    expect(memory.chatStore).toBeInstanceOf(SimpleChatStore);
    expect(memory.chatStoreKey).toBe("chat_history");
    expect(memory.tokenLimit).toBe(3000);
    expect(new ChatMemoryBuffer().chatStore).not.toBe(memory.chatStore);
  });

  test("has the defaults for what is given as undefined", () => {
    const nothing = { chatStore: undefined, chatStoreKey: undefined, tokenLimit: undefined, llm: undefined };
    const memory = new ChatMemoryBuffer({ ...nothing, tokenizer: undefined });
    expect([memory.chatStoreKey, memory.tokenLimit]).toEqual(["chat_history", 3000]);
  });

  test.each([
    [4096, 3072],
    // LlamaIndex's DEFAULT_CONTEXT_WINDOW.
    [3900, 2925],
    [3, 2],
    [2, 1],
    [128_000, 96_000],
  ])("for a model with a window of %d has a limit of %d", (contextWindow, tokenLimit) => {
    expect(new ChatMemoryBuffer({ llm: { contextWindow } }).tokenLimit).toBe(tokenLimit);
  });

  test("has the limit that is given, whatever the model's window", () => {
    expect(new ChatMemoryBuffer({ llm: { contextWindow: 4096 }, tokenLimit: 9000 }).tokenLimit).toBe(9000);
  });

  test.each<ChatMemoryBufferOptions>([
    { tokenLimit: 0 },
    { tokenLimit: -1 },
    { tokenLimit: 0.5 },
    { tokenLimit: 1000.5 },
    { tokenLimit: Number.NaN },
    { tokenLimit: Number.POSITIVE_INFINITY },
    { tokenLimit: wrong("3000") },
    { tokenLimit: wrong(null) },
    { tokenLimit: 0, llm: { contextWindow: 4096 } },
    { llm: { contextWindow: 1 } },
    { llm: { contextWindow: 0 } },
    { llm: { contextWindow: Number.NaN } },
    { llm: wrong({}) },
  ])("is INVALID_ARGUMENT with %o", async (options) => {
    const { message } = await failureOf(() => new ChatMemoryBuffer(options), "INVALID_ARGUMENT");
    expect(message).toContain("tokenLimit");
    expect(message).toContain("contextWindow");
    await failureOf(() => ChatMemoryBuffer.fromDefaults(options), "INVALID_ARGUMENT");
  });

  test("reads and writes nothing when it is made", () => {
    const { store, driver, counts } = scripted();
    new ChatMemoryBuffer({ chatStore: store });
    expect(driver.calls).toEqual([]);
    expect(counts.opens).toBe(0);
  });

  test("fromDefaults replaces what the store had under the key when it is given a history, and only then", async () => {
    const chatStore = new SimpleChatStore();
    await chatStore.setMessages("chat_history", [user("old"), user("older")]);
    await chatStore.setMessages("other", [user("other")]);
    const kept = await ChatMemoryBuffer.fromDefaults({ chatStore });
    expect(await kept.getAll()).toEqual([user("old"), user("older")]);
    const replaced = await ChatMemoryBuffer.fromDefaults({ chatStore, chatHistory: [{ content: "new" }] });
    expect(await replaced.getAll()).toEqual([user("new")]);
    expect(await chatStore.getMessages("other")).toEqual([user("other")]);
    await ChatMemoryBuffer.fromDefaults({ chatStore, chatHistory: [] });
    expect(await chatStore.getKeys()).toEqual(["other"]);
  });

  test("fromDefaults writes nothing when the options are bad", async () => {
    const chatStore = new SimpleChatStore();
    await chatStore.setMessages("chat_history", [user("old")]);
    const options = { chatStore, chatHistory: [user("new")], tokenLimit: 0 };
    await failureOf(() => ChatMemoryBuffer.fromDefaults(options), "INVALID_ARGUMENT");
    expect(await chatStore.getMessages("chat_history")).toEqual([user("old")]);
  });

  test("puts, sets and forgets the messages of its key", async () => {
    const chatStore = new SimpleChatStore();
    const memory = new ChatMemoryBuffer({ chatStore, chatStoreKey: "alice" });
    const other = new ChatMemoryBuffer({ chatStore, chatStoreKey: "bob" });
    expect(await memory.getAll()).toEqual([]);
    await memory.put(user("one"));
    await memory.put({ content: "two" });
    await memory.putMessages([assistant("three"), user("four")]);
    await other.put(user("of Bob"));
    expect(await memory.getAll()).toEqual([user("one"), user("two"), assistant("three"), user("four")]);
    expect(await memory.get()).toEqual(await memory.getAll());
    await memory.set([user("anew")]);
    expect(await memory.getAll()).toEqual([user("anew")]);
    await memory.reset();
    expect(await memory.getAll()).toEqual([]);
    expect(await memory.get()).toEqual([]);
    await memory.reset();
    expect(await other.get()).toEqual([user("of Bob")]);
    expect(await chatStore.getKeys()).toEqual(["bob"]);
  });

  test("puts all or none", async () => {
    const memory = new ChatMemoryBuffer();
    const bad = wrong({ role: "nobody", content: "" });
    await failureOf(() => memory.putMessages([user("one"), bad]), "INVALID_MESSAGE");
    await failureOf(() => memory.set([user("one"), bad]), "INVALID_MESSAGE");
    expect(await memory.getAll()).toEqual([]);
  });

  test("hands on the options of a write", async () => {
    const memory = new ChatMemoryBuffer();
    for (let i = 0; i < 2; i++) await memory.put(user("one"), { operationId: "1" });
    for (let i = 0; i < 2; i++) await memory.putMessages([user("two")], { operationId: "2" });
    expect(await memory.getAll()).toEqual([user("one"), user("two")]);
    await memory.set([user("anew")], { operationId: "3" });
    await failureOf(() => memory.reset({ operationId: "3" }), "CONFLICT");
    const signal = AbortSignal.abort();
    await failureOf(() => memory.put(user("x"), { signal }), "ABORTED");
    await failureOf(() => memory.putMessages([user("x")], { signal }), "ABORTED");
    await failureOf(() => memory.set([user("x")], { signal }), "ABORTED");
    await failureOf(() => memory.reset({ signal }), "ABORTED");
    expect(await memory.getAll()).toEqual([user("anew")]);
  });

  test("refuses options that it does not know, such as Python's names, and what is no store", async () => {
    const make = (options: object) => async () => new ChatMemoryBuffer(options);
    const { message } = await failureOf(make({ chat_store: new SimpleChatStore() }), "INVALID_ARGUMENT");
    expect(message).toMatch(/^chat_store is no option of ChatMemoryBuffer\. .*chatStore/);
    await failureOf(make({ token_limit: 3 }), "INVALID_ARGUMENT");
    await failureOf(make({ chatStore: {} }), "INVALID_ARGUMENT");
    await failureOf(make({ chatStore: null }), "INVALID_ARGUMENT");
    await failureOf(async () => new SimpleChatStore({ ttl_seconds: 5 } as object), "INVALID_ARGUMENT");
  });

  test("is INVALID_KEY with a bad key, when it is used", async () => {
    const memory = new ChatMemoryBuffer({ chatStoreKey: "" });
    await failureOf(() => memory.get(), "INVALID_KEY");
    await failureOf(() => memory.put(user("x")), "INVALID_KEY");
  });
});

describe("initialTokenCount", () => {
  const memory = new ChatMemoryBuffer({ tokenLimit: 10, tokenizer: words });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "5", null])("is INVALID_ARGUMENT as %s", async (count) => {
    await failureOf(() => memory.get({ initialTokenCount: count as number }), "INVALID_ARGUMENT");
  });

  test("is INVALID_ARGUMENT over the limit, and says both", async () => {
    const { message } = await failureOf(() => memory.get({ initialTokenCount: 11 }), "INVALID_ARGUMENT");
    expect(message).toContain("11");
    expect(message).toContain("10");
    expect(await memory.get({ initialTokenCount: 10 })).toEqual([]);
  });

  test("is refused before anything is read", async () => {
    const { store, counts } = scripted();
    await failureOf(
      () => new ChatMemoryBuffer({ chatStore: store }).get({ initialTokenCount: -1 }),
      "INVALID_ARGUMENT",
    );
    expect(counts.opens).toBe(0);
  });
});

describe("a tokenizer", () => {
  const chatHistory = [user("one two three"), assistant("four five"), user("six")];
  const kept = async (tokenizer: Tokenizer | undefined, tokenLimit: number) =>
    (await (await ChatMemoryBuffer.fromDefaults({ chatHistory, tokenLimit, tokenizer })).get()).length;

  test.each<[string, Tokenizer]>([
    ["a number", words],
    ["an array", (text) => text.split(/\s+/).filter(Boolean)],
    ["a typed array", (text) => new Uint32Array(words(text))],
    ["anything with a length", (text) => ({ length: words(text) })],
  ])("may answer with %s", async (_, tokenizer) => {
    expect(await kept(tokenizer, 6)).toBe(3);
    expect(await kept(tokenizer, 5)).toBe(1);
  });

  test("is cl100k_base by default, and for null", async () => {
    for (const tokenizer of [undefined, wrong(null)]) {
      const history = [user("tiktoken"), user("<|endoftext|> \u6f6e\u6c50")];
      const memory = (tokenLimit: number) =>
        ChatMemoryBuffer.fromDefaults({ chatHistory: history, tokenLimit, tokenizer });
      // tiktoken counts 10.
      expect(await (await memory(10)).get()).toEqual(history);
      expect(await (await memory(9)).get()).toEqual(history.slice(1));
    }
  });

  test("is given each text once, as long as it is remembered", async () => {
    const tokenizer = vi.fn(words);
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory, tokenizer });
    await memory.get();
    const calls = tokenizer.mock.calls.length;
    await memory.get();
    await memory.get({ completeTurns: true });
    expect(tokenizer.mock.calls.length).toBe(calls);
  });

  const secret = "hunter2";
  const fails = async (tokenizer: unknown) => {
    const messages = [user(`${secret} one`), assistant(`two ${secret}`)];
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: messages, tokenizer: tokenizer as Tokenizer });
    const errors = [];
    for (const options of [{}, { completeTurns: true }, { pinSystem: true }]) {
      errors.push(await failureOf(() => memory.get(options), "INVALID_ARGUMENT"));
    }
    for (const error of errors) {
      expect(error.message).toContain("The tokenizer");
      expect(everythingShownOf(error)).not.toContain(secret);
    }
    expect((await memory.getAll()).length).toBe(2);
    return errors[0]!.message;
  };

  test.each<[string, (text: string) => unknown]>([
    ["an error", (text) => new Error(`disallowed special token in ${text}`)],
    ["a TypeError", (text) => new TypeError(text)],
    ["text", (text) => text],
    ["nothing", () => undefined],
  ])("that throws %s is INVALID_ARGUMENT without any content, and says what to do", async (_, thrown) => {
    const message = await fails((text: string) => {
      throw thrown(text);
    });
    expect(message).toContain("threw");
    expect(message).toContain("special tokens");
  });

  test.each([
    ["NaN", Number.NaN],
    ["-1", -1],
    ["1.5", 1.5],
    ["undefined", undefined],
    ["null", null],
    ["a promise", Promise.resolve(3)],
    ["string", { length: secret }],
    ["string", secret.charAt(0)],
  ])("that answers %s is INVALID_ARGUMENT without any content, and says what to do", async (said, answer) => {
    // Text has a length too, but is no list of tokens.
    const message = await fails(() => answer);
    expect(message).toContain(said);
    expect(message).toContain("must return tokens or their number");
  });

  test("that is no function is INVALID_ARGUMENT", async () => {
    await fails({ encode: () => [] });
  });

  test("works again when it does", async () => {
    let broken = true;
    const tokenizer = (text: string) => (broken ? Number.NaN : words(text));
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory, tokenizer });
    await failureOf(() => memory.get(), "INVALID_ARGUMENT");
    broken = false;
    expect(await memory.get()).toEqual(chatHistory);
  });

  test("lets a store's own errors pass", async () => {
    const { store, driver } = scripted({ maxRetries: 0 });
    driver.steps.push(() => {
      throw new TypeError("a bug of the driver");
    });
    await failureOf(() => new ChatMemoryBuffer({ chatStore: store, tokenizer: words }).get(), "UNAVAILABLE");
  });
});

// What LlamaIndex's own published tests of ChatMemoryBuffer are about, with other messages. The lengths are what
// llama-index-core 0.14.25 returned for these.
describe("LlamaIndex's own tests", () => {
  const said = (role: MessageRole, content: string): ChatMessage => ({ role, content });
  const U = said("user", "What is a tide?"); // 5 tokens
  const A = said("assistant", "The sea rising"); // 3
  const U2 = said("user", "Why twice daily?"); // 4
  const A2 = said("assistant", "Two bulges form"); // 4
  const T = said("tool", "moon: full"); // 3

  /** `kept` newest messages from `limit` on, up to the next line. */
  type Step = [limit: number, kept: number];
  test.each<[string, ChatMessage[], Step[]]>([
    [
      "one message",
      [U],
      [
        [1, 1],
        [5, 1],
        [3000, 1],
      ],
    ],
    [
      "an assistant's message does not come first",
      [U, A],
      [
        [1, 1],
        [7, 1],
        [8, 2],
        [9, 2],
      ],
    ],
    [
      "unless it is the first of all",
      [A, U],
      [
        [1, 1],
        [7, 1],
        [8, 2],
      ],
    ],
    [
      "pairs are dropped whole",
      [U, A, U2, A2],
      [
        [1, 1],
        [7, 1],
        [8, 2],
        [15, 2],
        [16, 4],
        [17, 4],
      ],
    ],
    [
      "a tool's message goes with its call",
      [U, A, T, A2, U2],
      [
        [1, 1],
        [18, 1],
        [19, 5],
      ],
    ],
    [
      "tool calls of two turns",
      [U, A, T, U2, A, T],
      [
        [1, 1],
        [9, 1],
        [10, 3],
        [20, 3],
        [21, 6],
      ],
    ],
  ])("%s", async (_, chatHistory, steps) => {
    let expected = 0;
    for (let tokenLimit = 1; tokenLimit <= 25; tokenLimit++) {
      expected = steps.find(([limit]) => limit === tokenLimit)?.[1] ?? expected;
      const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory, tokenLimit });
      expect(await memory.get(), `limit ${tokenLimit}`).toEqual(chatHistory.slice(-expected));
    }
  });

  test.each<[string, ChatMessage[], limit: number, initial: number, kept: number]>([
    ["below the limit", [U], 1000, 5, 1],
    ["equal to the limit, with nothing to return", [], 5, 5, 0],
    // Versions up to 0.10 returned nothing.
    ["equal to the limit", [U], 5, 5, 1],
    ["with room for all", [U, A, U2, A2], 17, 1, 4],
    ["with room for all but one token", [U, A, U2, A2], 17, 2, 2],
    ["with room for one pair", [U, A, U2, A2], 17, 9, 2],
    ["with room for less than a pair", [U, A, U2, A2], 17, 10, 1],
    ["with room for nothing", [U, A, U2, A2], 17, 17, 1],
  ])("initial tokens %s", async (_, chatHistory, tokenLimit, initialTokenCount, kept) => {
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory, tokenLimit });
    expect(await memory.get({ initialTokenCount })).toEqual(chatHistory.slice(chatHistory.length - kept));
  });

  test("initial tokens over the limit", async () => {
    const memory = await ChatMemoryBuffer.fromDefaults({ tokenLimit: 49 });
    await failureOf(() => memory.get({ initialTokenCount: 50 }), "INVALID_ARGUMENT");
  });

  test("put and set", async () => {
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: [U] });
    await memory.put(U);
    expect(await memory.get()).toEqual([U, U]);
    await memory.set([U]);
    expect(await memory.get()).toEqual([U]);
  });

  test("the window slides", async () => {
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: [U2], tokenLimit: 9 });
    await memory.put(U2);
    expect(await memory.get()).toEqual([U2, U2]);
    await memory.put(U2);
    await memory.put(U2);
    expect(await memory.get()).toEqual([U2, U2]);
    expect((await memory.getAll()).length).toBe(4);
    await memory.put(user("Test"));
    expect(await memory.get()).toEqual([U2, U2, user("Test")]);
    await memory.put(U);
    expect(await memory.get()).toEqual([user("Test"), U]);
  });

  test("to text and back", async () => {
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: [U], tokenLimit: 5 });
    const again = ChatMemoryBuffer.deserialize(await memory.serialize());
    expect(await again.get()).toEqual([U]);
    expect(again.tokenLimit).toBe(5);
  });
});

interface Memory {
  name: string;
  text: string;
  tokenLimit: number;
  chatStoreKey: string;
  messages: JsonValue[];
}

const { memories: newest } = golden<{ memories: Memory[] }>("to-string/newest.json");
const { memories: older } = golden<{ memories: Memory[] }>("to-string/older.json");

/** All that keeps a text from being written again as it was: JavaScript has one kind of number, and one zero. */
const numbers: [python: string, here: string][] = [
  ['"float": 1.0,', '"float": 1,'],
  ['"small": 1e-07,', '"small": 1e-7,'],
  ['"negative zero": -0.0,', '"negative zero": 0,'],
  ['"big": 9007199254740993,', '"big": 9007199254740992,'],
];
/** Texts of forms that LlamaIndex itself no longer writes. */
const legacy = [
  "legacy list",
  "legacy list of blocks",
  "legacy list and another key",
  "legacy list and a chat store",
  "legacy empty list",
  "no messages at all",
];

describe("the text of LlamaIndex Python's to_string()", () => {
  test.each([...newest, ...older].map((memory) => [memory.name, memory] as const))("is read: %s", async (_, memory) => {
    const { text, tokenLimit, chatStoreKey, messages } = memory;
    const read = ChatMemoryBuffer.deserialize(text);
    expect(read.tokenLimit).toBe(tokenLimit);
    expect(read.chatStoreKey).toBe(chatStoreKey);
    // Read as the store does, without the minus of a zero.
    expect(await read.getAll()).toEqual(JSON.parse(JSON.stringify(messages.map(messageFromStored))));
    if (tokenLimit >= 1000) expect(await read.get()).toEqual(await read.getAll());
  });

  const current = [...newest, ...older].filter(({ name }) => !legacy.includes(name));
  test.each(current.map(({ name, text }) => [name, text] as const))("is written again: %s", async (name, text) => {
    let expected = text;
    for (const [python, here] of numbers) {
      expect(text.includes(python)).toBe(name.endsWith("tool calls"));
      expected = expected.replace(python, here);
    }
    // Version 0.10 wrote the limit first.
    if (name.startsWith("0.10.0: ")) {
      expected = expected.replace(
        /^\{("token_limit": \d+), (.*), ("class_name": "ChatMemoryBuffer")\}$/,
        "{$2, $1, $3}",
      );
      expect(expected).not.toBe(text);
    }
    expect(await ChatMemoryBuffer.deserialize(text).serialize()).toBe(expected);
  });

  test.each(legacy)("is written in today's form: %s", async (name) => {
    const { text, tokenLimit, chatStoreKey } = newest.find((memory) => memory.name === name)!;
    const { chat_history: messages } = JSON.parse(text) as { chat_history?: JsonValue[] };
    const written = await ChatMemoryBuffer.deserialize(text).serialize();
    expect(JSON.parse(written)).toEqual({
      chat_store: {
        store: messages === undefined || messages.length === 0 ? {} : { chat_history: messages },
        class_name: "SimpleChatStore",
      },
      chat_store_key: chatStoreKey,
      token_limit: tokenLimit,
      class_name: "ChatMemoryBuffer",
    });
  });

  test("is written for a memory that was made here, byte for byte", async () => {
    const { text, messages } = newest.find(({ name }) => name === "two messages")!;
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: messages.map(messageFromStored) });
    expect(await memory.serialize()).toBe(text);
    const empty = newest.find(({ name }) => name === "empty")!;
    expect(await new ChatMemoryBuffer().serialize()).toBe(empty.text);
  });

  test("has names of integers first, as every object of JavaScript", async () => {
    const chatStore = new SimpleChatStore();
    for (const key of ["b", "10", "9"]) await chatStore.addMessage(key, user(key));
    const kwargs = { b: 1, "2": 2, "1": 3 };
    await chatStore.addMessage("b", { content: "x", additionalKwargs: kwargs });
    const written = await new ChatMemoryBuffer({ chatStore }).serialize();
    expect(written).toContain('{"store": {"9": [');
    expect(written).toContain('"additional_kwargs": {"1": 3, "2": 2, "b": 1}');
    const read = ChatMemoryBuffer.deserialize(written);
    expect((await read.chatStore.getKeys()).toSorted()).toEqual(["10", "9", "b"]);
  });

  test("may hold NaN and Infinity, which Python writes into JSON", async () => {
    const text =
      '{"chat_store": {"store": {"chat_history": [{"role": "user", "additional_kwargs": {"n": NaN, "i": -Infinity, "s": "NaN"}, ' +
      '"blocks": [{"block_type": "text", "text": "NaN"}]}]}, "class_name": "SimpleChatStore"}, "token_limit": 3000}';
    expect(await ChatMemoryBuffer.deserialize(text).getAll()).toEqual([
      { role: "user", content: "NaN", additionalKwargs: { n: null, i: null, s: "NaN" } },
    ]);
  });

  test("is of the moment, and the memory that is read from it is one of its own", async () => {
    const kwargs = { deep: { list: [1] } };
    const memory = await ChatMemoryBuffer.fromDefaults({
      chatHistory: [{ role: "user", content: "one", additionalKwargs: kwargs }],
    });
    const text = await memory.serialize();
    const one = ChatMemoryBuffer.deserialize(text);
    const two = ChatMemoryBuffer.deserialize(text);
    await memory.put(user("two"));
    await one.put(user("three"));
    kwargs.deep.list.push(2);
    const [read] = await one.getAll();
    (read!.additionalKwargs!.deep as { list: number[] }).list.push(3);
    expect(await two.serialize()).toBe(text);
    expect((await one.getAll())[0]!.additionalKwargs).toEqual({ deep: { list: [1] } });
    expect((await one.getAll()).length).toBe(2);
    expect((await memory.getAll()).length).toBe(2);
  });

  test("is given the tokenizer that it can't hold", async () => {
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: [user("a b c"), user("d")], tokenLimit: 3 });
    const text = await memory.serialize();
    expect((await ChatMemoryBuffer.deserialize(text, { tokenizer: words }).get()).length).toBe(1);
    expect((await ChatMemoryBuffer.deserialize(text, { tokenizer: () => 0 }).get()).length).toBe(2);
  });

  test("holds when conversations expire", async () => {
    const chatStore = new SimpleChatStore({ ttlSeconds: 1000 });
    const memory = await ChatMemoryBuffer.fromDefaults({ chatStore, chatHistory: [user("x")] });
    const text = await memory.serialize();
    expect(text).toContain('"chatkeep": {"expires": {"chat_history": ');
    expect(await ChatMemoryBuffer.deserialize(text).serialize()).toBe(text);
  });

  test("may hold prototypes' names as data", async () => {
    const chatStore = new SimpleChatStore();
    const message = user("x");
    await chatStore.addMessage("__proto__", message);
    const text = await new ChatMemoryBuffer({ chatStore, chatStoreKey: "__proto__" }).serialize();
    expect(text).toContain('{"store": {"__proto__": [');
    expect(await ChatMemoryBuffer.deserialize(text).getAll()).toEqual([message]);
  });
});

describe("serialize", () => {
  test("is UNSUPPORTED on another store", async () => {
    const { store } = scripted();
    await failureOf(() => new ChatMemoryBuffer({ chatStore: store }).serialize(), "UNSUPPORTED");
    const bare = { getPage: store.getPage } as typeof store;
    await failureOf(() => new ChatMemoryBuffer({ chatStore: bare }).serialize(), "UNSUPPORTED");
  });

  test("holds a message of 5 MB", async () => {
    const long = '"\\,:'.repeat(1_250_000);
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: [user(long)] });
    const [read] = await ChatMemoryBuffer.deserialize(await memory.serialize()).getAll();
    expect(read?.content === long).toBe(true);
  });
});

describe("deserialize", () => {
  const store = '"chat_store": {"store": {}, "class_name": "SimpleChatStore"}';

  test.each([
    ["", "CORRUPT_MESSAGE"],
    ["secret", "CORRUPT_MESSAGE"],
    ['{"chat_store": {"secret', "CORRUPT_MESSAGE"],
    ["null", "CORRUPT_MESSAGE"],
    ["[]", "CORRUPT_MESSAGE"],
    ["3000", "CORRUPT_MESSAGE"],
    ['"secret"', "CORRUPT_MESSAGE"],
    // Python, too, wants a limit: so that what is no memory is not taken for an empty one.
    ["{}", "CORRUPT_MESSAGE"],
    [`{${store}}`, "CORRUPT_MESSAGE"],
    [`{${store}, "token_limit": 0}`, "CORRUPT_MESSAGE"],
    [`{${store}, "token_limit": 1.5}`, "CORRUPT_MESSAGE"],
    [`{${store}, "token_limit": "secret"}`, "CORRUPT_MESSAGE"],
    [`{${store}, "token_limit": null}`, "CORRUPT_MESSAGE"],
    [`{${store}, "token_limit": 5, "chat_store_key": null}`, "CORRUPT_MESSAGE"],
    [`{${store}, "token_limit": 5, "chat_store_key": ["secret"]}`, "CORRUPT_MESSAGE"],
    ['{"chat_store": null, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": [], "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": "secret", "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": {"store": "secret", "class_name": "SimpleChatStore"}, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": {"store": {"chat_history": "secret"}}, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": {"store": {"chat_history": ["secret"]}}, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": {"store": {"chat_history": [{"role": "secret"}]}}, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_history": null, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_history": "secret", "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_history": {"secret": 1}, "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_history": [{"role": "secret"}], "token_limit": 5}', "CORRUPT_MESSAGE"],
    ['{"chat_store": {"store": {}, "class_name": "RedisChatStore"}, "token_limit": 5}', "UNSUPPORTED"],
    ['{"chat_store": {"class_name": "PostgresChatStore", "password": "secret"}, "token_limit": 5}', "UNSUPPORTED"],
  ] as const)("of %s is %s", async (text, code) => {
    const error = await failureOf(() => ChatMemoryBuffer.deserialize(text), code);
    expect(everythingShownOf(error)).not.toContain("secret");
  });

  test.each([undefined, null, {}, 5])("of %s is CORRUPT_MESSAGE", async (text) => {
    await failureOf(() => ChatMemoryBuffer.deserialize(wrong(text)), "CORRUPT_MESSAGE");
  });

  test("does not mind the name of the memory's class, as Python", async () => {
    const text = `{${store}, "token_limit": 5, "class_name": "ChatSummaryMemoryBuffer", "other": [1]}`;
    expect(ChatMemoryBuffer.deserialize(text).tokenLimit).toBe(5);
  });

  test("takes a limit that was written as a float", () => {
    expect(ChatMemoryBuffer.deserialize(`{${store}, "token_limit": 500.0}`).tokenLimit).toBe(500);
  });
});
