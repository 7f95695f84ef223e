import { type ChatMessage, type ChatStore, SimpleChatStore } from "@chatkeep/chat-store-core";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConformanceReport, runConformance, type Subject } from "../src/index.js";

type Methods = Partial<{ [Name in keyof ChatStore]: ChatStore[Name] }>;
type Options = { ttlSeconds?: number } | undefined;

/** A wrong store: a right one, with one fault put over it. */
interface Mutant {
  fault: (store: SimpleChatStore, options: Options) => Methods;
  /** A case that must fail, and why. */
  group: string;
  title: string;
  reason: RegExp;
}

/** Several steps of a store in which others may get in between. */
const meanwhile = () => new Promise<void>((resolve) => setTimeout(resolve));

const textsOf = (messages: readonly ChatMessage[]) => messages.map(({ content }) => content);

const mutants: Record<string, Mutant> = {
  "append reads all and writes all": {
    fault: (store) => ({
      async addMessage(key, message, options) {
        if (options?.index !== undefined) return store.addMessage(key, message, options);
        const all = await store.getMessages(key);
        await meanwhile();
        await store.setMessages(key, [...all, message]);
      },
    }),
    group: "concurrency",
    title: "50 appends at once from two clients are all kept, and read by all in one order",
    reason: /all messages/,
  },
  "delete by index reverses the history": {
    fault: (store) => ({
      async deleteMessage(key, index) {
        const all = await store.getMessages(key);
        const [removed] = all.splice(index, 1);
        if (removed !== undefined) await store.setMessages(key, all.reverse());
        return removed;
      },
    }),
    group: "operations",
    title: "deleteMessage removes the one at its index and answers it",
    reason: /m\d/,
  },
  "forgetting takes the key for a pattern": {
    fault: (store) => ({
      async deleteMessages(key, options) {
        const pattern = new RegExp(
          `^${key
            .replace(/[^*?\w-]/g, "\\$&")
            .replaceAll("*", ".*")
            .replaceAll("?", ".")}$`,
          "s",
        );
        for (const each of await store.getKeys()) if (pattern.test(each)) await store.deleteMessages(each);
        await store.deleteMessages(key, options);
      },
    }),
    group: "keys",
    title: 'keys that look alike never meet: ["a*","a?","ab","[a]b","a"]',
    reason: /after .* was forgotten/,
  },
  "keys are normalised": {
    fault: (store) => ({ addMessage: (key, ...rest) => store.addMessage(key.normalize("NFC"), ...rest) }),
    group: "keys",
    title: 'keys that look alike never meet: ["\u00e9","e\u0301","e"]',
    reason: /has 2 items, not 1|has 0 items, not 1/,
  },
  "keys are case-insensitive": {
    fault: (store) => ({
      addMessage: (key, ...rest) => store.addMessage(key.toLowerCase(), ...rest),
      getMessages: (key, ...rest) => store.getMessages(key.toLowerCase(), ...rest),
    }),
    group: "keys",
    title: 'keys that look alike never meet: ["Key","key","KEY"]',
    reason: /items, not 1/,
  },
  "hands out its own objects": {
    fault: (store) => {
      let known: ChatMessage[] | undefined;
      return {
        async getMessages(key) {
          known ??= await store.getMessages(key);
          return known;
        },
      };
    },
    group: "round trips",
    title: "what the caller gets back is not the store's own",
    reason: /after the caller changed what it had read/,
  },
  "reads the caller's objects later": {
    fault: (store) => ({
      async addMessages(key, messages, options) {
        await meanwhile();
        await store.addMessages(key, messages, options);
      },
    }),
    group: "round trips",
    title: "a call that is under way does not see what the caller changes meanwhile",
    reason: /getMessages/,
  },
  "an append does not refresh the time to live": {
    fault: (_store, options) => {
      const first = new Map<string, number>();
      const due = (key: string) =>
        Date.now() - (first.get(key) ?? Date.now()) >= (options?.ttlSeconds ?? Number.POSITIVE_INFINITY) * 1000;
      return {
        async setMessages(key, ...rest) {
          first.set(key, Date.now());
          return _store.setMessages(key, ...rest);
        },
        getMessages: async (key) => (due(key) ? [] : _store.getMessages(key)),
      };
    },
    group: "time to live",
    title: "addMessage keeps the whole conversation for another while",
    reason: /has 0 items, not 6/,
  },
  "reading refreshes the time to live": {
    fault: (store) => ({
      async getMessages(key, options) {
        const all = await store.getMessages(key, options);
        if (all.length > 0) await store.setMessages(key, all);
        return all;
      },
    }),
    group: "time to live",
    title: "reads do not keep it, nor what finds nothing to change",
    reason: /after its time/,
  },
  "what expired stays visible": {
    fault: (store) => {
      const plain = new SimpleChatStore();
      return {
        setMessages: (...args) =>
          Promise.all([store.setMessages(...args), plain.setMessages(...args)]).then(() => undefined),
        countMessages: (...args) => plain.countMessages(...args),
      };
    },
    group: "time to live",
    title: "an expired conversation is gone for every read at once",
    reason: /countMessages: it is 5, not 0/,
  },
  "operation ids are ignored": {
    fault: (store) => ({
      addMessage: (key, message, options) => store.addMessage(key, message, { ...options, operationId: undefined }),
    }),
    group: "operation ids",
    title: "addMessage is applied once and answered the same, by this client and another",
    reason: /the history/,
  },
  "a repeated pop answers nothing": {
    fault: (store) => {
      const seen = new Set<string>();
      return {
        async deleteLastMessage(key, options) {
          const id = `${key} ${options?.operationId}`;
          const removed = await store.deleteLastMessage(key, options);
          if (options?.operationId !== undefined && seen.has(id)) return undefined;
          seen.add(id);
          return removed;
        },
      };
    },
    group: "operation ids",
    title: "deleteLastMessage is applied once and answered the same, by this client and another",
    reason: /the second answer/,
  },
  "only the last operation id is remembered": {
    fault: (store) => {
      let writes = 0;
      const known = new Map<string, number>();
      return {
        async addMessage(key, message, options) {
          writes++;
          const id = options?.operationId === undefined ? undefined : `${key} ${options.operationId}`;
          const last = id === undefined ? undefined : known.get(id);
          if (id !== undefined) known.set(id, writes);
          if (last !== undefined && writes - last <= 2) return store.addMessage(key, message, options);
          await store.addMessage(key, message, { ...options, operationId: undefined });
        },
      };
    },
    group: "operation ids",
    title: "addMessage is applied once although others write in between",
    reason: /the history/,
  },
  "an id with other arguments is answered as the first": {
    fault: (store) => {
      const seen = new Set<string>();
      return {
        async addMessages(key, messages, options) {
          await store.addMessages(key, messages, options).catch((error: Error) => {
            if (!("code" in error) || error.code !== "CONFLICT") throw error;
            seen.add(key);
          });
        },
      };
    },
    group: "operation ids",
    title: "an id that comes back for something else is a conflict, and nothing happens",
    reason: /should have been refused with CONFLICT/,
  },
  "a replacement is torn": {
    fault: (store) => ({
      async setMessages(key, messages) {
        await store.deleteMessages(key);
        for (const each of messages) {
          await store.addMessage(key, each);
          await meanwhile();
        }
      },
    }),
    group: "concurrency",
    title: "readers during a replacement see the old history or the new one",
    reason: /what was read|two histories/,
  },
  "a batch is appended one by one": {
    fault: (store) => ({
      async addMessages(key, messages, options) {
        if (options?.operationId !== undefined) return store.addMessages(key, messages, options);
        for (const each of messages) {
          await store.addMessage(key, each);
          await meanwhile();
        }
      },
    }),
    group: "concurrency",
    title: "batches stay together",
    reason: /the batch at/,
  },
  "a pop reads first and deletes then": {
    fault: (store) => ({
      async deleteLastMessage(key) {
        const count = await store.countMessages(key);
        const last = (await store.getPage(key, { limit: 1 })).messages[0];
        await meanwhile();
        if (count > 0) await store.deleteMessage(key, count - 1);
        return last;
      },
    }),
    group: "concurrency",
    title: "20 pops at once answer 20 different messages",
    reason: /what was popped/,
  },
  "a cursor is a number of messages": {
    fault: (store) => ({
      async getPage(key, options) {
        const all = await store.getMessages(key);
        if (options.from === "oldest") return { messages: all.slice(0, options.limit) };
        const end = all.length - Number(options.before ?? 0);
        const start = Math.max(0, end - options.limit);
        return { messages: all.slice(start, end), ...(start > 0 ? { before: String(all.length - start) } : {}) };
      },
    }),
    group: "pages",
    title: "a cursor stays right after an append elsewhere",
    reason: /what is older/,
  },
  "the oldest page is left out": {
    fault: (store) => ({
      async getPage(key, options) {
        const page = await store.getPage(key, options);
        return page.messages.length < options.limit ? page : { ...page, before: undefined };
      },
    }),
    group: "pages",
    title: "the pages of 20 messages put together are the whole",
    reason: /pages of/,
  },
  "a key stays after its last message": {
    fault: (store) => {
      const all = new Set<string>();
      return {
        async addMessage(key, ...rest) {
          await store.addMessage(key, ...rest);
          all.add(key);
        },
        getKeys: async (options) => [...all].filter((key) => key.startsWith(options?.prefix ?? "")),
      };
    },
    group: "operations",
    title: "a key ends with its last message, by deleteLastMessage, and begins anew",
    reason: /getKeys without/,
  },
  "a listing gives a key twice": {
    fault: (store) => ({
      async *listKeys(options) {
        let previous: string | undefined;
        for await (const key of store.listKeys(options)) {
          yield key;
          if (previous !== undefined && options?.pageSize === 7) yield previous;
          previous = key;
        }
      },
    }),
    group: "keys",
    title: "listing gives each key once, whatever the size of its pages",
    reason: /pages of 7/,
  },
  "long messages are cut": {
    fault: (store) => ({
      addMessage: (key, message, options) =>
        store.addMessage(
          key,
          {
            ...message,
            content: typeof message.content === "string" ? message.content.slice(0, 32_000) : message.content,
          },
          options,
        ),
    }),
    group: "sizes",
    title: "a message of 65536 bytes",
    reason: /it is not as written/,
  },
  "unknown blocks are dropped": {
    fault: (store) => ({
      addMessage: (key, message, options) =>
        store.addMessage(
          key,
          typeof message.content === "string"
            ? message
            : { ...message, content: message.content.filter(({ type }) => type !== "unknown") },
          options,
        ),
    }),
    group: "round trips",
    title: "what goes in comes out: block: an unknown block",
    reason: /items, not 1/,
  },
  "negative positions count from the end": {
    fault: (store) => ({
      async deleteMessage(key, index, options) {
        return store.deleteMessage(key, index < 0 ? (await store.countMessages(key)) + index : index, options);
      },
    }),
    group: "editing",
    title: "refuses positions that are none",
    reason: /should have been refused with INDEX_OUT_OF_RANGE/,
  },
  "an insert beyond the end appends": {
    fault: (store) => ({
      addMessage: (key, message, options) =>
        store.addMessage(key, message, options).catch((error: Error) => {
          if (!("code" in error) || error.code !== "INDEX_OUT_OF_RANGE" || (options?.index ?? 0) < 0) throw error;
          return store.addMessage(key, message);
        }),
    }),
    group: "editing",
    title: "refuses positions that are none",
    reason: /should have been refused with INDEX_OUT_OF_RANGE/,
  },
  "an error repeats the message": {
    fault: (store) => ({
      addMessage: (key, message, options) =>
        store.addMessage(key, message, options).catch((error: Error) => {
          throw Object.assign(error, { cause: { command: ["RPUSH", key, JSON.stringify(message.content)] } });
        }),
    }),
    group: "errors",
    title: "refuses a message with NaN, names the place and repeats nothing",
    reason: /holds content or a secret/,
  },
  "closing does not close": {
    fault: () => ({ close: async () => {} }),
    group: "closing",
    title: "nothing works after closing, and says so",
    reason: /should have been refused with CLOSED/,
  },
  "an abort is not heard": {
    fault: (store) => ({
      addMessage: (key, message, options) => store.addMessage(key, message, { ...options, signal: undefined }),
    }),
    group: "abort",
    title: "addMessage aborted beforehand does nothing",
    reason: /should have been refused with ABORTED/,
  },
  "an append costs more on a long history": {
    fault: (store) => ({
      async addMessage(key, message, options) {
        requests += (await store.countMessages(key)) > 1_000 ? 5 : 0;
        await store.addMessage(key, message, options);
      },
    }),
    group: "costs",
    title: "addMessage takes as many requests on a long history as on a short one",
    reason: /0 requests with 30 messages and 25 with many/,
  },
  "an edit answers the new message": {
    fault: (store) => ({
      async replaceMessage(key, index, message, options) {
        const old = await store.replaceMessage(key, index, message, options);
        return old && { ...old, content: textsOf(await store.getMessages(key))[index] ?? "" };
      },
    }),
    group: "model",
    title: "any sequence of operations does what it does to a plain list",
    reason: /edit at/,
  },
};

let requests = 0;

function subjectOf(name: string, { fault }: Mutant): Subject {
  return {
    name,
    space: async () => ({
      async connect(options) {
        const store = new SimpleChatStore(options);
        const faulty = fault(store, options);
        return new Proxy(store, {
          get(target, member) {
            const value: unknown = Reflect.get(faulty, member) ?? Reflect.get(target, member, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
      requests: () => requests,
      advanceTime: async (milliseconds) => {
        vi.setSystemTime(Date.now() + milliseconds);
      },
      dispose: async () => {},
    }),
    lacks: { secondClient: "one object", injectedClient: "no client", opaqueJson: "its job" },
  };
}

// The same sequences each time: of other ones, a few miss a fault.
beforeAll(() => fc.configureGlobal({ seed: 1 }));
afterAll(() => fc.resetConfigureGlobal());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a store with one fault fails for the right reason", () => {
  it("there are many", () => {
    expect(Object.keys(mutants).length).toBeGreaterThanOrEqual(15);
  });

  it.each(Object.entries(mutants))("%s", async (name, mutant) => {
    const report: ConformanceReport = await runConformance(subjectOf(name, mutant), { groups: [mutant.group] });
    const failure = report.failures.find(({ title }) => title === mutant.title);
    expect(report.failures.map(({ title }) => title)).toContain(mutant.title);
    expect(String(failure?.error)).toMatch(mutant.reason);
  });

  it("and the same without a fault passes", async () => {
    const report = await runConformance(subjectOf("right", { fault: () => ({}), group: "", title: "", reason: /./ }), {
      groups: [...new Set(Object.values(mutants).map(({ group }) => group))],
    });
    expect(report.failures).toEqual([]);
    expect(report.passed).toBeGreaterThan(200);
  });
});
