import { CodedChatStore } from "../backend/base-chat-store.js";
import { checkOptionNames } from "../backend/options.js";
import { ttlMilliseconds } from "../backend/validate.js";
import { chatStoreError, isChatStoreError } from "../errors.js";
import { type Kept, keptAsText, keptCodec, messageFromStored } from "../messages/codec.js";
import { isObject, parseJson } from "../messages/json.js";
import type { JsonValue } from "../messages/message.js";
import { MemoryDriver, type StoredConversation } from "./memory-driver.js";
import type { WriteBehind } from "./write-behind.js";

/** All that a store without a server can be told. */
export interface SimpleChatStoreOptions {
  /** A conversation expires this long after its last write, in seconds; never when absent. */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's name of `ttlSeconds`. */
  ttl?: number | undefined;
}

const defaultPath = "chat_store.json";

// What only files need is loaded with the first of them, so that a browser never has to.

/**
 * Keeps conversations in memory, and in a file when asked to: in the very file of LlamaIndex Python's SimpleChatStore,
 * with expiry times in a member that Python ignores. Ids of operations live as long as the process.
 */
export class SimpleChatStore extends CodedChatStore<Kept, MemoryDriver> {
  readonly #driver: MemoryDriver;
  #writer: WriteBehind | undefined;

  /** Throws `INVALID_ARGUMENT`. */
  constructor(options: SimpleChatStoreOptions = {}) {
    checkOptionNames(options, ["ttlSeconds", "ttl"]);
    const driver = new MemoryDriver(ttlMilliseconds(options));
    super({ name: "simple", open: () => driver }, keptCodec, { timeoutMs: Number.POSITIVE_INFINITY });
    this.#driver = driver;
  }

  /**
   * The store that was persisted at `path`, of this version or of any of LlamaIndex Python's; an empty one when there is
   * no such file. `CORRUPT_MESSAGE` names the place when the file is damaged. Later changes stay in memory until the next
   * {@link persist}: see {@link open} for a store that writes them by itself.
   */
  static async fromPersistPath(path = defaultPath, options: SimpleChatStoreOptions = {}): Promise<SimpleChatStore> {
    const store = new SimpleChatStore(options);
    await store.#loadFile(path);
    return store;
  }

  /**
   * As {@link fromPersistPath}, and every change is written to the file behind the caller's back, many at once when they
   * come fast. Acknowledged means in memory: a change is on disk when {@link flush} or `close` has settled, or soon after,
   * and a process that ends by itself ends after that. When the file can't be written, `flush`, `close` and all later
   * changes reject until it can. The file belongs to one process at a time: it is `CONFLICT` when another one has it
   * open, and when somebody else changed it, which is then left as it is.
   */
  static async open(path = defaultPath, options: SimpleChatStoreOptions = {}): Promise<SimpleChatStore> {
    const store = new SimpleChatStore(options);
    const { WriteBehind } = await import("./write-behind.js");
    const writer = await WriteBehind.start(path, async (file) => {
      await store.#loadFile(file);
      return () => store.#toText();
    });
    store.#writer = writer;
    store.#driver.observer = writer;
    return store;
  }

  /** What `toJSON` answered, as text's value or parsed: LlamaIndex's `parse_raw`. Throws `CORRUPT_MESSAGE`. */
  static fromJSON(value: unknown, options: SimpleChatStoreOptions = {}): SimpleChatStore {
    const store = new SimpleChatStore(options);
    store.#load(value);
    return store;
  }

  /**
   * Writes all conversations to a file that LlamaIndex Python reads. A crash or a full disk at any point leaves the old
   * file or the new one; when this settles the new one is on disk. Its cost grows with all that the store holds.
   */
  async persist(path = defaultPath): Promise<void> {
    if (await this.#writer?.isFile(path)) return this.#writer?.save();
    const { writeDurably } = await import("./file.js");
    await writeDurably(path, () => this.#toText());
  }

  /** Settles when every change so far is on disk. A store that was not made by {@link open} has nothing to write. */
  async flush(): Promise<void> {
    await this.#writer?.flush();
  }

  override async close(): Promise<void> {
    await super.close();
    const writer = this.#writer;
    await writer?.close();
  }

  /** What {@link persist} writes, as an object, so that `JSON.stringify(store)` gives LlamaIndex's `.json()`. */
  override toJSON(): JsonValue {
    return JSON.parse(this.#toText()) as JsonValue;
  }

  #toText(): string {
    const conversations: string[] = [];
    const expires: string[] = [];
    for (const { key, payloads, expiresAt } of this.#driver.stored()) {
      conversations.push(`${JSON.stringify(key)}:[${payloads.map(keptAsText).join(",")}]`);
      if (expiresAt !== undefined) expires.push(`${JSON.stringify(key)}:${expiresAt}`);
    }
    const chatkeep = expires.length > 0 ? `,"chatkeep":{"expires":{${expires.join(",")}}}` : "";
    return `{"store":{${conversations.join(",")}},"class_name":"SimpleChatStore"${chatkeep}}`;
  }

  async #loadFile(path: string): Promise<void> {
    const { readText } = await import("./file.js");
    const text = await readText(path);
    if (text === undefined) return;
    try {
      this.#load(parse(text));
    } catch (error) {
      if (!isChatStoreError(error)) throw error;
      const { describeSyntaxError } = await import("./json-syntax.js");
      const problem = describeSyntaxError(text) ?? error.message;
      throw chatStoreError(error.code, `${path} is damaged, and left as it is. ${problem}`);
    }
  }

  #load(value: unknown): void {
    // Very old versions of LlamaIndex wrote the JSON as one JSON string.
    const root = typeof value === "string" ? parse(value) : value;
    if (!isObject(root)) throw damaged("It is not an object.");
    // Python takes any object without `store` for an empty store. That would make one of a file that is none.
    const empty = Object.keys(root).every((name) => name === "class_name") ? {} : undefined;
    const { store = empty, chatkeep } = root;
    if (!isObject(store)) throw damaged("It has no object `store` of conversations.");
    const expires = isObject(chatkeep) && isObject(chatkeep.expires) ? chatkeep.expires : {};
    for (const [key, messages] of Object.entries(store)) {
      const place = `store[${JSON.stringify(key)}]`;
      if (!Array.isArray(messages)) throw damaged(`${place} is not a list of messages.`);
      const conversation: StoredConversation = {
        key,
        payloads: messages.map((message, i) => checked(message, `${place}[${i}]`)),
      };
      const expiresAt = Object.hasOwn(expires, key) ? expires[key] : undefined;
      if (typeof expiresAt === "number") conversation.expiresAt = expiresAt;
      this.#driver.load(conversation);
    }
  }
}

/** A message is kept as it was written, once it is known that it can be read. */
function checked(stored: JsonValue, place: string): string {
  try {
    messageFromStored(stored);
    return JSON.stringify(stored);
  } catch (error) {
    // V8 runs out of stack beyond some thousand levels.
    throw damaged(`${place}: ${isChatStoreError(error) ? error.message : "It nests too deep."}`);
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw damaged("It is not JSON.");
  }
}

function damaged(problem: string) {
  return chatStoreError("CORRUPT_MESSAGE", problem);
}
