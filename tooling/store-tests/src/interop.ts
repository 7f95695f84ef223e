import { randomUUID } from "node:crypto";
import type { ChatMessage, ChatMessageInput, ChatStore } from "@chatkeep/chat-store-core";
import { decodeMessage, encodeMessage } from "@chatkeep/chat-store-core/backend";
import { afterAll, beforeAll, expect, it } from "vitest";
import { contents, message, messages } from "./mutations.js";
import { PythonStore, type StoredMessage } from "./python-store.js";
import { type SampleName, samples } from "./samples.js";

export interface InteropBench {
  /** Ours, in the layout `llamaindex`. */
  readonly store: ChatStore;
  /** For `make_store` in `python/backends/<backend>.py`. */
  readonly settings: Record<string, unknown>;
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
  /** Of `tooling/interop`; `oldest` has the oldest package that installs and differs in format. */
  readonly environment: string;
  readonly oldest?: string;
  start(): Promise<InteropBench>;
  readonly gaps?: Readonly<Partial<Record<SampleName, Gap>>>;
  /** What the stored form has no room for, whoever writes. Show that it is refused in a test of your own. */
  readonly impossible?: readonly SampleName[];
  /** What Python's package does wrong, and how. The tests let our store do it instead; show the wrong in a test of your own. */
  readonly lacks?: Readonly<Partial<Record<"set" | "delete" | "pop" | "forget", string>>>;
  /** Whether Python's append is atomic: then nothing is lost when both append at once. */
  readonly atomicAppend: boolean;
}

const normal = (input: ChatMessageInput) => decodeMessage(encodeMessage(input));

/** As LlamaIndex wrote messages before they had blocks. */
const legacy: readonly StoredMessage[] = [
  { role: "user", content: "Hello", additional_kwargs: {} },
  { role: "assistant", content: "", additional_kwargs: { tool_calls: [{ id: "c" }] } },
  { role: "tool", content: "42 degrees", additional_kwargs: {} },
];

/** Defines tests: Python's package and ours on the same data. To be called within a `describe`. */
export function interop(subject: InteropSubject): void {
  const { backend, environment, oldest, gaps = {}, impossible = [], lacks = {}, atomicAppend } = subject;
  const run = randomUUID();
  // Not every package of Python's can have a quote in a key.
  const keyOf = (name: string) => `${run} ${name.replaceAll("'", "")}`;
  let bench: InteropBench;
  let store: ChatStore;
  let python: PythonStore;
  let older: PythonStore | undefined;

  beforeAll(async () => {
    bench = await subject.start();
    store = bench.store;
    python = await PythonStore.start(environment, backend, bench.settings);
    if (oldest !== undefined) older = await PythonStore.start(oldest, backend, bench.settings);
  }, 600_000);
  afterAll(async () => {
    await python?.stop();
    await older?.stop();
    await store?.close();
    await bench?.close();
  });

  const all = (Object.entries(samples) as [SampleName, ChatMessageInput][]).filter(
    ([name]) => !impossible.includes(name),
  );
  const without = (...kinds: (keyof Gap)[]) =>
    all.filter(([name]) => kinds.every((kind) => gaps[name]?.[kind] === undefined)).map(([, each]) => each);

  it("Python writes, we read", async () => {
    const key = keyOf("python");
    // What Python can't read again would keep it from appending more, where it reads in order to append.
    const written = without("write", "readOwn");
    if (lacks.set === undefined) await python.set(key, written.slice(0, 5));
    await python.add(key, ...written.slice(lacks.set === undefined ? 5 : 0));
    expect(await store.getMessages(key)).toEqual(written.map(normal));
    expect(await store.countMessages(key)).toBe(written.length);
    expect(await store.getKeys({ prefix: key })).toEqual([key]);
  });

  it("we write, Python reads", async () => {
    const key = keyOf("ours");
    const written = without("readOurs");
    await store.setMessages(key, written.slice(0, 5));
    for (const each of written.slice(5)) await store.addMessage(key, each);
    expect(await python.get(key)).toEqual(written.map(normal));
    expect(await python.keys()).toContain(key);
  });

  it.each(Object.entries(gaps) as [SampleName, Gap][])("Python's package can't do all with %s", async (name, gap) => {
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
  });

  it("both append in turn, insert, edit, delete and forget", async () => {
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

    await theirs.forget();
    expect(await store.getMessages(key)).toEqual([]);
    expect(await store.getKeys({ prefix: key })).toEqual([]);
    await store.addMessage(key, message("anew"));
    expect(contents(await python.get(key))).toEqual(["anew"]);
    await store.deleteMessages(key);
    expect(await python.get(key)).toEqual([]);
    expect(await python.keys()).not.toContain(key);
  });

  it("both append at once", async () => {
    const key = keyOf("at once");
    const ours = contents(messages(10, "ours "));
    await Promise.all(ours.map((content) => store.addMessage(key, message(content))));
    const again = ours.map((content) => `${content} again`);
    const fromPython = python.add(key, ...messages(5, "python's "));
    await Promise.all([
      ...again.map((content) => store.addMessage(key, message(content))),
      atomicAppend ? fromPython : fromPython.catch(() => undefined),
    ]);
    const read = contents(await store.getMessages(key));
    if (atomicAppend) {
      const expected = [...ours, ...again, ...contents(messages(5, "python's "))];
      expect(read.slice(0, 10).sort()).toEqual([...ours].sort());
      expect([...read].sort()).toEqual(expected.sort());
    } else {
      // Python writes back what it read, over what it has not seen. What it saw is still there, and nothing is there twice.
      expect(read).toEqual(expect.arrayContaining(ours));
      expect(new Set(read).size).toBe(read.length);
    }
  });

  it.runIf(oldest)("what the oldest package wrote is read and gone on with", async () => {
    const key = keyOf("oldest");
    await older?.addStored(key, ...legacy);
    const [hello, call, answer] = legacy.map((each) => decodeMessage(JSON.stringify(each)));
    expect(await store.getMessages(key)).toEqual([hello, call, answer]);
    await store.addMessage(key, message("more"));
    await store.deleteMessage(key, 1);
    expect(await python.get(key)).toEqual([hello, answer, message("more")]);
  });
}
