import { describe, expect, test } from "vitest";
import type { MessagePage, PageOptions, ReadOptions } from "../src/chat-store.js";
import { chatStoreError } from "../src/errors.js";
import { ChatMemoryBuffer, type WindowOptions } from "../src/memory/chat-memory-buffer.js";
import { loadCl100k } from "../src/memory/cl100k.js";
import type { ChatMessage } from "../src/messages/message.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";
import { failureOf } from "./support/errors.js";

const key = "chat_history";
const words = (text: string) => text.split(/\s+/).filter(Boolean).length;
const cl100k = await loadCl100k();

/** Counts what is read, and lets a test do something after each page. */
class WatchedStore extends SimpleChatStore {
  readonly pages: PageOptions[] = [];
  messages = 0;
  wholeReads = 0;
  afterPage: () => unknown = () => {};

  override async getPage(key: string, options: PageOptions): Promise<MessagePage> {
    this.pages.push(options);
    const page = await super.getPage(key, options);
    this.messages += page.messages.length;
    await this.afterPage();
    return page;
  }

  override getMessages(key: string, options?: ReadOptions): Promise<ChatMessage[]> {
    this.wholeReads++;
    return super.getMessages(key, options);
  }

  get read() {
    return { pages: this.pages.length, messages: this.messages, wholeReads: this.wholeReads };
  }

  forgetReads() {
    this.pages.length = 0;
    this.messages = 0;
  }
}

/** Turns of four messages and 12 words, behind instructions. */
function conversation(length: number): ChatMessage[] {
  return Array.from({ length }, (_, fromStart): ChatMessage => {
    const i = length - fromStart;
    if (i === length) return { role: "system", content: "Be brief" };
    if (i % 4 === 0) return { role: "user", content: `Question ${i}, please` };
    if (i % 4 === 1) return { role: "assistant", content: `Answer ${i}, well` };
    if (i % 4 === 2) return { role: "tool", content: `Result ${i} is`, additionalKwargs: { tool_call_id: `c${i}` } };
    const call = { id: `c${i - 1}`, type: "function", function: { name: "f", arguments: "{}" } };
    return { role: "assistant", content: `Look ${i} up`, additionalKwargs: { tool_calls: [call] } };
  });
}

async function watched(messages: ChatMessage[]): Promise<WatchedStore> {
  const store = new WatchedStore();
  await store.setMessages(key, messages);
  return store;
}

const ways: [string, WindowOptions][] = [
  ["as Python", {}],
  ["completeTurns", { completeTurns: true }],
  ["pinSystem", { pinSystem: true }],
  ["completeTurns and pinSystem", { completeTurns: true, pinSystem: true }],
];

describe("what get() reads", async () => {
  const huge = await watched(conversation(100_000));
  const small = await watched(conversation(100));

  test.each(ways)("is the same of 100,000 messages as of 100: %s", async (_, options) => {
    const reads = [];
    for (const chatStore of [small, huge]) {
      chatStore.forgetReads();
      const window = await new ChatMemoryBuffer({ chatStore, tokenLimit: 50, tokenizer: words }).get(options);
      expect(window.length).toBe(options.pinSystem ? 17 : 16);
      reads.push(chatStore.read);
    }
    expect(reads[1]).toEqual(reads[0]);
    const pages = options.pinSystem ? 2 : 1;
    expect(reads[0]).toEqual({ pages, messages: options.pinSystem ? 40 : 32, wholeReads: 0 });
  });

  test.each(ways)("is one page of a conversation that has no more: %s", async (_, options) => {
    const chatStore = await watched(conversation(21));
    const window = await new ChatMemoryBuffer({ chatStore, tokenizer: words }).get(options);
    expect(window.length).toBe(21);
    expect(chatStore.read).toEqual({ pages: 1, messages: 21, wholeReads: 0 });
  });

  test.each(ways)("is one page for a conversation that does not exist: %s", async (_, options) => {
    const chatStore = new WatchedStore();
    expect(await new ChatMemoryBuffer({ chatStore, tokenizer: words }).get(options)).toEqual([]);
    expect(chatStore.read).toEqual({ pages: 1, messages: 0, wholeReads: 0 });
  });

  test.each(ways)("grows with the limit and no more: %s", async (_, options) => {
    for (const tokenLimit of [500, 5000, 50_000]) {
      huge.forgetReads();
      const window = await new ChatMemoryBuffer({ chatStore: huge, tokenLimit, tokenizer: words }).get(options);
      expect(window.length).toBeGreaterThan(tokenLimit / 3 - 5);
      // A page is at most 256 messages.
      expect(huge.messages).toBeLessThan(window.length + 300);
      expect(huge.pages.length).toBeLessThan(10 + window.length / 256);
    }
  });

  test("is no more than the limit of a last turn that is far over it", async () => {
    const answers = Array.from({ length: 50_000 }, (): ChatMessage => ({ role: "assistant", content: "On and on" }));
    const chatStore = await watched([{ role: "user", content: "Go" }, ...answers]);
    const memory = new ChatMemoryBuffer({ chatStore, tokenLimit: 3000, tokenizer: words });
    await failureOf(() => memory.get({ completeTurns: true }), "MESSAGE_TOO_LARGE");
    expect(chatStore.messages).toBeLessThan(1300);
    await chatStore.addMessage(key, { role: "user", content: "Stop" });
    chatStore.forgetReads();
    expect(await memory.get({ completeTurns: true })).toEqual([{ role: "user", content: "Stop" }]);
    expect(chatStore.messages).toBeLessThan(1300);
  });

  test("is all of the leading instructions when they are pinned, and little more", async () => {
    const rules = Array.from({ length: 100 }, (_, i): ChatMessage => ({ role: "system", content: `Rule ${i}` }));
    const chatStore = await watched([...rules, ...conversation(1000).slice(1)]);
    const memory = new ChatMemoryBuffer({ chatStore, tokenLimit: 250, tokenizer: words });
    expect((await memory.get({ pinSystem: true })).length).toBe(100 + 16);
    // Of the newest messages as many as there were room for without them.
    expect(chatStore.messages).toBe(8 + 32 + 128 + 32 + 64);
    expect(chatStore.pages.filter((page) => page.from === "oldest").length).toBe(3);
  });
});

describe("the work for a window of 1,000,000 tokens and 20,000 messages", () => {
  const sentence = "the quick brown fox jumps over the lazy dog and runs along the river ";
  const history = (length: number) =>
    Array.from({ length }, (_, i): ChatMessage => {
      return {
        role: i % 2 === 0 ? "user" : "assistant",
        content: `${i} ${sentence.repeat(3)}${i}${i % 5 === 0 ? "\n" : ""}`,
      };
    });

  async function work(length: number, options: WindowOptions) {
    const messages = history(length);
    const chatStore = await watched(messages);
    const seen = { calls: 0, chars: 0 };
    const tokenizer = (text: string) => {
      seen.calls++;
      seen.chars += text.length;
      return words(text);
    };
    const memory = new ChatMemoryBuffer({ chatStore, tokenLimit: 1_000_000, tokenizer });
    expect((await memory.get(options)).length).toBe(length);
    const chars = messages.reduce((sum, { content }) => sum + content.length + 1, 0);
    return { calls: seen.calls / length, chars: seen.chars / chars, pages: chatStore.pages.length };
  }

  test.each(ways)("is a few calls of the tokenizer for each message: %s", async (_, options) => {
    const few = await work(200, options);
    const many = await work(20_000, options);
    expect(many.calls).toBeLessThan(few.calls + 0.5);
    expect(many.calls).toBeLessThan(5);
    expect(many.chars).toBeLessThan(2);
    expect(many.pages).toBeLessThan(20_000 / 256 + 5);
  });

  test("is right: the same window as counted at once", async () => {
    const messages = history(3000);
    const tokens = cl100k(messages.map(({ content }) => content).join(" ")) as number;
    for (const [tokenLimit, length] of [
      [tokens, 3000],
      [tokens - 1, 2998],
    ] as const) {
      const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: messages, tokenLimit });
      for (const completeTurns of [false, true]) expect((await memory.get({ completeTurns })).length).toBe(length);
    }
  });
});

describe("a history that changes while it is read", () => {
  const numbered = (from: number, length: number) =>
    Array.from({ length }, (_, i): ChatMessage => ({ role: "user", content: `message ${from + i}` }));

  test.each(ways)("is read anew when it was replaced between two pages: %s", async (_, options) => {
    const chatStore = await watched(numbered(0, 200));
    let replaced = 0;
    chatStore.afterPage = async () => {
      if (replaced++ === (options.pinSystem ? 1 : 0)) await chatStore.setMessages(key, numbered(1000, 100));
    };
    const memory = new ChatMemoryBuffer({ chatStore, tokenizer: words });
    expect(await memory.get(options)).toEqual(numbered(1000, 100));
  });

  test.each(ways)("is given up when it is replaced again and again: %s", async (_, options) => {
    const chatStore = await watched(numbered(0, 200));
    chatStore.afterPage = () => chatStore.setMessages(key, numbered(1000, 200));
    const memory = new ChatMemoryBuffer({ chatStore, tokenizer: words });
    await failureOf(() => memory.get(options), "CONFLICT");
    expect(chatStore.pages.filter(({ before, from }) => before === undefined && from === undefined).length).toBe(5);
  });

  test.each(["UNAVAILABLE", "CORRUPT_MESSAGE"] as const)("is not read anew after %s", async (code) => {
    const chatStore = await watched(numbered(0, 200));
    chatStore.afterPage = () => {
      throw chatStoreError(code, "The store failed.");
    };
    await failureOf(() => new ChatMemoryBuffer({ chatStore }).get(), code);
    expect(chatStore.pages.length).toBe(1);
  });

  test("gives windows of its own messages, none twice and none left out", async () => {
    const chatStore = new WatchedStore();
    const memory = new ChatMemoryBuffer({ chatStore, tokenLimit: 250, tokenizer: words });
    await memory.putMessages(numbered(0, 100));
    let begun = 100;
    let done = 100;
    chatStore.afterPage = () => new Promise((resolve) => setImmediate(resolve));
    const writer = async () => {
      for (let i = 0; i < 50; i++) {
        const [message] = numbered(begun++, 1);
        await memory.put(message!);
        done++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const reader = async (options: WindowOptions) => {
      for (let i = 0; i < 30; i++) {
        const before = done;
        const window = await memory.get(options);
        const places = window.map(({ content }) => Number(String(content).split(" ")[1]));
        expect(places).toEqual(places.map((_, i) => places[0]! + i));
        expect(places.at(-1)! + 1).toBeGreaterThanOrEqual(before);
        expect(places.at(-1)! + 1).toBeLessThanOrEqual(begun);
        expect(window.length).toBe(Math.min(125, places.at(-1)! + 1));
      }
    };
    await Promise.all([writer(), ...ways.map(([, options]) => reader(options))]);
    expect(done).toBe(150);
  });
});

describe("an AbortSignal", () => {
  test.each(ways)("goes with every page: %s", async (_, options) => {
    const chatStore = await watched(conversation(100));
    const { signal } = new AbortController();
    await new ChatMemoryBuffer({ chatStore, tokenizer: words }).get({ ...options, signal });
    expect(chatStore.pages.length).toBeGreaterThan(1);
    for (const page of chatStore.pages) expect(page.signal).toBe(signal);
  });

  test.each(ways)("ends get() before the first page and between pages: %s", async (_, options) => {
    const chatStore = await watched(conversation(200));
    const memory = new ChatMemoryBuffer({ chatStore, tokenizer: words });
    await failureOf(() => memory.get({ ...options, signal: AbortSignal.abort() }), "ABORTED");
    chatStore.forgetReads();
    const controller = new AbortController();
    chatStore.afterPage = () => controller.abort();
    await failureOf(() => memory.get({ ...options, signal: controller.signal }), "ABORTED");
    expect(chatStore.pages.length).toBe(2);
  });

  test("goes with getAll()", async () => {
    const memory = new ChatMemoryBuffer();
    await failureOf(() => memory.getAll({ signal: AbortSignal.abort() }), "ABORTED");
  });
});

describe("the pages of a store", () => {
  /** As a service may that filters what it has read: pages without messages, but older ones behind them. */
  class HollowStore extends SimpleChatStore {
    #hollow = false;
    override async getPage(key: string, options: PageOptions): Promise<MessagePage> {
      this.#hollow = !this.#hollow;
      const limit = options.before === undefined ? 1 : 3;
      if (options.from === "oldest") return super.getPage(key, options);
      const page = await super.getPage(key, { ...options, limit });
      if (!this.#hollow || page.before === undefined) return page;
      return options.before === undefined ? page : { messages: [], before: options.before };
    }
  }

  test.each(ways)("may hold no message and yet not be the last: %s", async (_, options) => {
    const chatStore = new HollowStore();
    const messages = conversation(101).slice(1);
    await chatStore.setMessages(key, messages);
    expect(await new ChatMemoryBuffer({ chatStore, tokenizer: words }).get(options)).toEqual(messages);
  });

  test.each(ways)("are left as they are: %s", async (_, options) => {
    class FrozenStore extends SimpleChatStore {
      override async getPage(key: string, options: PageOptions): Promise<MessagePage> {
        const page = await super.getPage(key, options);
        page.messages.forEach(Object.freeze);
        Object.freeze(page.messages);
        return Object.freeze(page);
      }
    }
    const chatStore = new FrozenStore();
    await chatStore.setMessages(key, conversation(101));
    expect((await new ChatMemoryBuffer({ chatStore, tokenizer: words }).get(options)).length).toBe(101);
  });
});
