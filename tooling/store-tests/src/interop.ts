import { randomUUID } from "node:crypto";
import {
  ChatMemoryBuffer,
  type ChatMessage,
  type ChatMessageInput,
  type ChatStore,
  textOf,
} from "@chatkeep/chat-store-core";
import { decodeMessage, encodeMessage } from "@chatkeep/chat-store-core/backend";
import { afterAll, beforeAll, expect, it } from "vitest";
import { llamaIndexVersions, pythonFails, recorded, verifies } from "./interop-record.js";
import { contents, message, messages } from "./mutations.js";
import { PythonStore, type StoredMessage } from "./python-store.js";
import { type SampleName, samples } from "./samples.js";
import { words } from "./tokens.js";

export interface InteropBench {
  /** What is spoken to, with its version. */
  readonly server: string;
  /** Ours, in the layout `llamaindex`. */
  readonly store: ChatStore;
  /** For `make_store` in `python/backends/<backend>.py`. */
  readonly settings: Record<string, unknown>;
  /** Ours once more, with an expiry; where the subject has one. Closed by the test. */
  expiring?(ttlSeconds: number): ChatStore;
  /** Called after the store is closed. */
  close(): Promise<void>;
}

/** What Python's package can't do with a sample. It is tested that it can't. */
export interface Gap {
  /** What it raises when it writes it. */
  readonly write?: RegExp;
  /** What it raises when it reads what it wrote itself. */
  readonly readOwn?: RegExp;
  /** What it raises when it reads what we wrote, or what it takes it for. */
  readonly readOurs?: RegExp | ChatMessage;
}

export interface InteropSubject {
  /** The file in `python/backends`. */
  readonly backend: string;
  /** The environment of `tooling/interop` with the oldest package that installs and differs in format. */
  readonly oldest: string;
  start(): Promise<InteropBench>;
  readonly gaps?: Readonly<Partial<Record<SampleName, Gap>>>;
  /** What the stored form has no room for, whoever writes. Show that it is refused in a test of your own. */
  readonly impossible?: readonly SampleName[];
  /** What Python's package does wrong, and how. The tests let our store do it instead; show the wrong with `pythonFails`. */
  readonly lacks?: Readonly<Partial<Record<"set" | "insert" | "delete" | "pop" | "forget", string>>>;
  /**
   * What becomes of an append of Python's when ours comes in between: nothing is lost (`atomic`), Python's overwrites what it has
   * not seen (`overwrites`), or Python's fails (`refused`).
   */
  readonly append: "atomic" | "overwrites" | "refused";
  /** Where Python's package lets conversations expire: whether its own reads hide them then. */
  readonly expiry?: "hidden" | "shown";
}

const normal = (input: ChatMessageInput) => decodeMessage(encodeMessage(input));

/** As LlamaIndex wrote messages before they had blocks. */
const legacy: readonly StoredMessage[] = [
  { role: "user", content: "Hello", additional_kwargs: {} },
  { role: "assistant", content: "", additional_kwargs: { tool_calls: [{ id: "c" }] } },
  { role: "tool", content: "42 degrees", additional_kwargs: {} },
];

/** What windows are cut from: a chat, tools, and one that begins in the middle of a turn. */
const histories: readonly (readonly ChatMessageInput[])[] = [
  [
    { role: "system", content: "Be brief." },
    ...Array.from({ length: 6 }, (_, i) => [
      { role: "user" as const, content: `What is ${i} and ${i}, please?` },
      { role: "assistant" as const, content: "word ".repeat(i).trim() },
    ]).flat(),
  ],
  [
    { role: "user", content: "Weather?" },
    { role: "assistant", content: [], additionalKwargs: { tool_calls: [{ id: "c" }] } },
    { role: "tool", content: "42 degrees", additionalKwargs: { tool_call_id: "c" } },
    { role: "tool", content: "and no rain at all", additionalKwargs: { tool_call_id: "d" } },
    { role: "assistant", content: "It is 42 degrees." },
  ],
  [
    { role: "assistant", content: "Hello, how can I help you?" },
    { role: "user", content: [] },
    { role: "user", content: "" },
    { role: "user", content: "你好, a  b" },
  ],
];
const limits = [1, 2, 3, 5, 8, 11, 14, 19, 25, 33, 1000];

/** Defines tests: Python's package and ours on the same data. To be called within a `describe`. */
export function interop(subject: InteropSubject): void {
  const { backend, oldest, gaps = {}, impossible = [], lacks = {}, append, expiry } = subject;
  const run = randomUUID();
  // Not every package of Python's can have a quote in a key.
  const keyOf = (name: string) => `${run} ${name.replaceAll("'", "")}`;
  const record = recorded(backend);
  let bench: InteropBench;
  let store: ChatStore;
  let python: PythonStore;
  let older: PythonStore;

  beforeAll(async () => {
    bench = await subject.start();
    store = bench.store;
    python = await PythonStore.start("newest", backend, bench.settings);
    older = await PythonStore.start(oldest, backend, bench.settings);
    Object.assign(record, {
      server: bench.server,
      python: python.versions.python,
      newest: llamaIndexVersions(python.versions, backend),
      oldest: llamaIndexVersions(older.versions, backend),
    });
  }, 600_000);
  afterAll(async () => {
    await store?.close();
    await bench?.close();
  });

  const all = (Object.entries(samples) as [SampleName, ChatMessageInput][]).filter(
    ([name]) => !impossible.includes(name),
  );
  const without = (...kinds: (keyof Gap)[]) =>
    all.filter(([name]) => kinds.every((kind) => gaps[name]?.[kind] === undefined)).map(([, each]) => each);

  verifies(record, "Python writes and Chatkeep reads every role, and every block that the package takes", async () => {
    const key = keyOf("python");
    // What Python can't read again would keep it from appending more, where it reads in order to append.
    const written = without("write", "readOwn");
    if (lacks.set === undefined) await python.set(key, written.slice(0, 5));
    await python.add(key, ...written.slice(lacks.set === undefined ? 5 : 0));
    expect(await store.getMessages(key)).toEqual(written.map(normal));
    expect(await store.countMessages(key)).toBe(written.length);
    expect(await store.getKeys({ prefix: key })).toEqual([key]);
  });

  verifies(record, "Chatkeep writes and Python reads every role and block", async () => {
    const key = keyOf("ours");
    const written = without("readOurs");
    await store.setMessages(key, written.slice(0, 5));
    for (const each of written.slice(5)) await store.addMessage(key, each);
    expect(await python.get(key)).toEqual(written.map(normal));
    expect(await python.keys()).toContain(key);
  });

  it.each(Object.entries(gaps) as [SampleName, Gap][])("Python's package fails on %s", async (name, gap) => {
    const key = keyOf(name);
    const sample = samples[name];
    if (gap.write !== undefined) await expect(python.add(key, sample)).rejects.toThrow(gap.write);
    else {
      await python.add(key, sample);
      if (gap.readOwn === undefined) expect(await python.get(key)).toEqual([normal(sample)]);
      else await expect(python.get(key)).rejects.toThrow(gap.readOwn);
      expect(await store.getMessages(key)).toEqual([normal(sample)]);
    }
    await store.setMessages(key, [sample]);
    if (gap.readOurs instanceof RegExp) await expect(python.get(key)).rejects.toThrow(gap.readOurs);
    else expect(await python.get(key)).toEqual([gap.readOurs ?? normal(sample)]);
    expect(await store.getMessages(key)).toEqual([normal(sample)]);
    if (!record.gaps.includes(name)) record.gaps.push(name);
  });

  verifies(record, "both append in turn, insert, edit, delete and forget", async () => {
    const key = keyOf("both");
    const theirs = {
      delete: (index: number) =>
        lacks.delete === undefined ? python.delete(key, index) : store.deleteMessage(key, index),
      pop: () => (lacks.pop === undefined ? python.pop(key) : store.deleteLastMessage(key)),
      forget: () => (lacks.forget === undefined ? python.forget(key) : store.deleteMessages(key)),
    };
    for (const [i, each] of messages(8).entries()) {
      if (i % 2 === 0) await store.addMessage(key, each);
      else await python.add(key, each);
    }
    expect(await store.deleteMessage(key, 1)).toEqual(message("m1"));
    expect(await theirs.delete(1)).toEqual(message("m2"));
    expect(await theirs.pop()).toEqual(message("m7"));
    expect(await store.deleteLastMessage(key)).toEqual(message("m6"));
    await store.addMessage(key, message("first"), { index: 0 });
    expect(await store.replaceMessage(key, 1, message("second"))).toEqual(message("m0"));
    await python.add(key, message("last"));
    const left = ["first", "second", "m3", "m4", "m5", "last"];
    expect(contents(await python.get(key))).toEqual(left);
    expect(contents(await store.getMessages(key))).toEqual(left);
    if (lacks.insert === undefined) {
      await python.insert(key, 1, message("inserted"));
      left.splice(1, 0, "inserted");
    } else await expect(python.insert(key, 1, message("inserted"))).rejects.toThrow();
    expect(contents(await store.getMessages(key))).toEqual(left);

    await theirs.forget();
    expect(await store.getMessages(key)).toEqual([]);
    expect(await store.getKeys({ prefix: key })).toEqual([]);
    await store.addMessage(key, message("anew"));
    expect(contents(await python.get(key))).toEqual(["anew"]);
    await store.deleteMessages(key);
    expect(await python.get(key)).toEqual([]);
    expect(await python.keys()).not.toContain(key);
  });

  const appendAtOnce = async () => {
    const key = keyOf("at once");
    const ours = contents(messages(10, "ours "));
    await Promise.all(ours.map((content) => store.addMessage(key, message(content))));
    const again = ours.map((content) => `${content} again`);
    const theirs = messages(5, "python's ");
    const fromPython = python.add(key, ...theirs);
    await Promise.all([
      ...again.map((content) => store.addMessage(key, message(content))),
      append === "atomic" ? fromPython : fromPython.catch(() => undefined),
    ]);
    const read = contents(await store.getMessages(key));
    expect(new Set(read).size).toBe(read.length);
    expect(read.slice(0, 10).sort()).toEqual([...ours].sort());
    if (append !== "overwrites") expect(read).toEqual(expect.arrayContaining(again));
    if (append === "atomic") expect(read.length).toBe(25);
  };
  if (append === "overwrites")
    it("both append at once: nothing is there twice, and what was there before stays", appendAtOnce);
  else verifies(record, "both append at once: all that was acknowledged is there", appendAtOnce);

  if (append === "overwrites") {
    pythonFails(record, "`add_message` loses what others appended since it read", async () => {
      const key = keyOf("overwritten");
      await store.addMessage(key, message("before"));
      python.interrupt(1, () => store.addMessage(key, message("ours")));
      await python.add(key, message("python's"));
      expect(contents(await store.getMessages(key))).toEqual(["before", "python's"]);
      // Ours among ourselves, as many as like.
      await Promise.all(messages(8).map((each) => store.addMessage(key, each)));
      const read = contents(await python.get(key));
      expect(read.slice(0, 2)).toEqual(["before", "python's"]);
      expect(read.slice(2).sort()).toEqual(contents(messages(8)));
    });
  } else if (append === "refused") {
    pythonFails(record, "`add_message` raises ResourceExistsError when somebody else appends meanwhile", async () => {
      const key = keyOf("refused");
      await store.addMessage(key, message("before"));
      python.interrupt(1, () => store.addMessage(key, message("ours")));
      await expect(python.add(key, message("python's"))).rejects.toThrow(/ResourceExists/);
      expect(contents(await store.getMessages(key))).toEqual(["before", "ours"]);
    });
  }

  verifies(record, "`ChatMemoryBuffer` keeps the same window", async () => {
    for (const [i, history] of histories.entries()) {
      const key = keyOf(`window ${i}`);
      await store.setMessages(key, history);
      const theirs = await python.windows(key, limits, "words");
      for (const [at, tokenLimit] of limits.entries()) {
        const memory = new ChatMemoryBuffer({ chatStore: store, chatStoreKey: key, tokenLimit, tokenizer: words });
        expect(await memory.get(), `history ${i}, ${tokenLimit} tokens`).toEqual(theirs[at]);
      }
    }
  });

  if (expiry !== undefined) {
    verifies(record, "an expiry that one sets is kept by the other", async () => {
      // Of a length that a slow machine does not meet before all is written.
      const [theirs, ours] = [keyOf("python expires"), keyOf("ours expires")];
      await python.ask("expire", { seconds: 5 });
      await python.add(theirs, message("a"));
      await python.ask("expire", { seconds: null });
      const expiring = bench.expiring?.(5);
      await expiring?.addMessage(ours, message("a"));
      const patience = { timeout: 30_000, interval: 200 };
      await expect.poll(() => store.getMessages(theirs), patience).toEqual([]);
      await expect.poll(() => store.getMessages(ours), patience).toEqual([]);
      expect(await store.getKeys({ prefix: run })).not.toContain(theirs);
      if (expiry === "hidden") {
        await expect.poll(() => python.get(ours), patience).toEqual([]);
        expect(await python.get(theirs)).toEqual([]);
        expect(await python.keys()).not.toContain(ours);
      }
      await expiring?.close();
    });
  }

  verifies(record, "what the oldest package wrote is read and gone on with", async () => {
    const key = keyOf("oldest");
    await older.addStored(key, ...legacy);
    const [hello, call, answer] = legacy.map((each) => decodeMessage(JSON.stringify(each)));
    expect(await store.getMessages(key)).toEqual([hello, call, answer]);
    await store.addMessage(key, message("more"));
    await store.deleteMessage(key, 1);
    expect(await python.get(key)).toEqual([hello, answer, message("more")]);
  });

  pythonFails(
    record,
    "versions before 0.12.3 read what newer ones and Chatkeep write as messages without content",
    async () => {
      const key = keyOf("for the oldest");
      await store.setMessages(key, messages(2));
      expect((await older.get(key)).map(textOf)).toEqual(["", ""]);
      expect(contents(await store.getMessages(key))).toEqual(["m0", "m1"]);
    },
  );
}
