import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatMemoryBuffer, type ChatMessage, type ChatMessageInput, SimpleChatStore } from "@chatkeep/chat-store-core";
import { decodeMessage, encodeMessage } from "@chatkeep/chat-store-core/backend";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { llamaIndexVersions, pythonFails, recorded, verifies } from "../src/interop-record.js";
import { decoded, PythonStore } from "../src/python-store.js";
import { type SampleName, samples } from "../src/samples.js";
import { words } from "../src/tokens.js";

const normal = (message: ChatMessageInput) => decodeMessage(encodeMessage(message));
const all = Object.values(samples).map(normal);
/** Bytes and URLs are no JSON to Python's `json.dumps`, which writes all but the newest files. */
const beyondJson: readonly SampleName[] = [
  "an image",
  "an image's URL",
  "audio",
  "audio's URL",
  "video",
  "a video's URL",
  "document",
];
const plain = (Object.keys(samples) as SampleName[])
  .filter((name) => !beyondJson.includes(name))
  .map((name) => normal(samples[name]));
/** What versions had before there were blocks. */
const texts: readonly ChatMessage[] = [
  { role: "system", content: "Be brief." },
  { role: "user", content: 'Grüße, 你好, 👩‍👩‍👧, \u2028, "quoted"' },
  { role: "assistant", content: "", additionalKwargs: { tool_calls: [{ id: "c", n: [1, null] }] } },
  { role: "tool", content: "42", additionalKwargs: { tool_call_id: "c" } },
];

// A map, since a key may be `__proto__`.
type Conversations = Map<string, readonly ChatMessage[]>;

const conversationsOf = (read: unknown): Conversations =>
  new Map(Object.entries(read as Record<string, unknown[]>).map(([key, messages]) => [key, messages.map(decoded)]));

async function allOf(store: SimpleChatStore): Promise<Conversations> {
  const conversations: Conversations = new Map();
  for await (const key of store.listKeys()) conversations.set(key, await store.getMessages(key));
  return conversations;
}

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chatkeep-files-"));
  file = join(folder, "chat_store.json");
});
afterAll(() => rm(folder, { recursive: true }));

describe.each([
  ["the newest", "newest", all, plain],
  ["the last without blocks", "plain", texts, texts],
  ["the oldest", "stores-old", texts, texts],
] as const)("files and texts of LlamaIndex Python, %s", (which, environment, persistable, dumpable) => {
  const record = recorded("simple");
  const newest = environment === "newest";
  const keys = ["alice", 'key with "quotes" and 你好', "__proto__"];
  let python: PythonStore;
  let written: Conversations;

  beforeAll(async () => {
    python = await PythonStore.start(environment, "simple", {});
    const versions = llamaIndexVersions(python.versions, "simple");
    Object.assign(record, newest ? { server: "files", python: python.versions.python, newest: versions } : {});
    if (environment === "stores-old") Object.assign(record, { oldest: versions });
  }, 600_000);

  /** Python's store holds these under every key. */
  async function fill(messages: readonly ChatMessage[]): Promise<void> {
    written = new Map(keys.map((key) => [key, messages]));
    for (const key of keys) {
      await python.forget(key);
      const legacy = messages.map(({ role, content, additionalKwargs = {} }) => ({
        role,
        content,
        additional_kwargs: additionalKwargs,
      }));
      if (newest) await python.set(key, messages);
      else await python.addStored(key, ...legacy);
    }
  }

  const filled = async (messages: readonly ChatMessage[]) => {
    const store = new SimpleChatStore();
    for (const key of keys) await store.setMessages(key, messages);
    return store;
  };

  /** What Python made of what we wrote. */
  function expectRead(read: unknown, messages: readonly ChatMessage[]): void {
    const conversations = conversationsOf(read);
    expect([...conversations.keys()]).toEqual(keys);
    for (const each of conversations.values()) {
      // Messages without blocks have a content only; ours have blocks.
      expect(each).toEqual(newest ? messages : messages.map((message) => ({ ...message, content: "" })));
    }
  }

  verifies(record, `a file that Python persisted is read: ${which}`, async () => {
    await fill(persistable);
    await python.ask("persist", { path: file });
    expect(await allOf(await SimpleChatStore.fromPersistPath(file))).toEqual(written);
  });

  verifies(record, `\`.json()\` of Python is read: ${which}`, async () => {
    await fill(dumpable);
    expect(await allOf(SimpleChatStore.fromJSON(await python.ask("json")))).toEqual(written);
  });

  verifies(record, `\`to_string()\` of Python is read: ${which}`, async () => {
    await fill(dumpable);
    const text = String(await python.ask("to_string", { key: keys[0], limit: 7 }));
    const memory = ChatMemoryBuffer.deserialize(text, { tokenizer: words });
    expect([memory.tokenLimit, memory.chatStoreKey]).toEqual([7, keys[0]]);
    expect(await allOf(memory.chatStore as SimpleChatStore)).toEqual(written);
    // Older versions cut other windows.
    if (newest) expect(await memory.get()).toEqual((await python.windows(String(keys[0]), [7], "words"))[0]);
  });

  const reads = newest ? "is read" : "is read as messages without content";
  async function readOurFile(): Promise<void> {
    const store = await filled(newest ? all : texts);
    await store.persist(file);
    expectRead(await python.ask("load", { path: file }), newest ? all : texts);
  }
  if (environment !== "stores-old") verifies(record, `a file of Chatkeep's ${reads} by Python: ${which}`, readOurFile);
  else {
    pythonFails(
      record,
      "versions up to 0.11.3 read no files but their own, which are JSON within a JSON string",
      async () => {
        await expect(readOurFile()).rejects.toThrow(/ValidationError/);
      },
    );
  }

  verifies(record, `\`JSON.stringify(store)\` ${reads} by Python: ${which}`, async () => {
    const store = await filled(newest ? all : texts);
    const text = JSON.stringify(store);
    expectRead(await python.ask("from_json", { text }), newest ? all : texts);
    expectRead(await python.ask("model_validate_json", { text }), newest ? all : texts);
    await store.close();
  });

  verifies(record, `\`serialize()\` ${reads} by Python: ${which}`, async () => {
    const messages = newest ? all : texts;
    const memory = new ChatMemoryBuffer({ chatStore: await filled(messages), chatStoreKey: "alice", tokenLimit: 11 });
    const read = (await python.ask("from_string", { text: await memory.serialize() })) as Record<string, unknown>;
    expect([read.limit, read.key]).toEqual([11, "alice"]);
    expectRead(read.conversations, messages);
  });

  if (!newest) return;

  verifies(record, "`model_dump_json()` of Python is read", async () => {
    await fill(all);
    const text = await python.ask("model_dump_json");
    expect(await allOf(SimpleChatStore.fromJSON(text))).toEqual(written);
  });

  verifies(record, "`ChatMemoryBuffer` keeps the same window of a file", async () => {
    const history = Array.from({ length: 12 }, (_, i): ChatMessageInput => {
      return { role: i % 2 === 0 ? "user" : "assistant", content: `${i}: ${"word, 你好 ".repeat(i % 5)}` };
    });
    const store = await filled(history.map(normal));
    await store.persist(file);
    await python.set("window", conversationsOf(await python.ask("load", { path: file })).get("alice") ?? []);
    const limits = [1, 5, 10, 20, 40, 60, 80, 100, 3000];
    for (const [name, tokenizer] of [
      ["words", words],
      ["default", undefined],
    ] as const) {
      const theirs = await python.windows("window", limits, name);
      for (const [i, tokenLimit] of limits.entries()) {
        const memory = new ChatMemoryBuffer({ chatStore: store, chatStoreKey: "alice", tokenLimit, tokenizer });
        expect(await memory.get(), `${tokenLimit} tokens, ${name}`).toEqual(theirs[i]);
      }
    }
  });

  pythonFails(record, "`.json()` and `to_string()` raise on images, audio, video and documents", async () => {
    for (const name of beyondJson) {
      await python.set("one", [samples[name]]);
      const failed = /not JSON serializable/;
      // A document's URL is text to Python.
      await expect(python.ask("json")).rejects.toThrow(failed);
      await expect(python.ask("to_string", { key: "one", limit: 3 })).rejects.toThrow(failed);
      const memory = new ChatMemoryBuffer({ chatStoreKey: "one" });
      await memory.put(samples[name]);
      const read = ChatMemoryBuffer.deserialize(await memory.serialize());
      expect(await read.getAll()).toEqual([normal(samples[name])]);
    }
    await python.forget("one");
  });

  pythonFails(record, "`delete_last_message` of an empty conversation raises IndexError", async () => {
    await python.set("empty", []);
    await expect(python.pop("empty")).rejects.toThrow(/IndexError/);
    const store = new SimpleChatStore();
    expect(await store.deleteLastMessage("empty")).toBeUndefined();
    await python.forget("empty");
  });

  pythonFails(
    record,
    "what is handed in and out is the store's own: who changes it changes the conversation",
    async () => {
      await python.ask("change_aside", { key: "aside" });
      expect((await python.get("aside")).map(({ content }) => content)).toEqual(["A", "b"]);
      await python.forget("aside");

      const store = new SimpleChatStore();
      const handedIn = [{ content: "a" }];
      await store.setMessages("aside", handedIn);
      handedIn.push({ content: "b" });
      Object.assign(handedIn[0] ?? {}, { content: "A" });
      const handedOut = (await store.getMessages("aside")) as { content: unknown }[];
      // What is handed out may be frozen.
      Reflect.set(handedOut[0] ?? {}, "content", "A");
      Reflect.set(handedOut, 1, { role: "user", content: "b" });
      expect(await store.getMessages("aside")).toEqual([{ role: "user", content: "a" }]);
    },
  );
});
