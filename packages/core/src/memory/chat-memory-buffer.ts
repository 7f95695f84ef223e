import { checkOptionNames } from "../backend/options.js";
import { invalid } from "../backend/validate.js";
import type { ChatStore, ReadOptions, WriteOptions } from "../chat-store.js";
import { chatStoreError, isChatStoreError } from "../errors.js";
import { isObject, parseJson } from "../messages/json.js";
import type { ChatMessage, ChatMessageInput } from "../messages/message.js";
import { SimpleChatStore } from "../simple/simple-chat-store.js";
import { HistoryReader } from "./history-reader.js";
import { type Tokenizer, TokenMeter } from "./token-meter.js";
import { checkPinned, pythonWindow } from "./window.js";

/** Which conversation, and how much of it a model can take. */
export interface ChatMemoryBufferOptions {
  /** Where the conversation is kept: by default a new SimpleChatStore. */
  chatStore?: ChatStore | undefined;
  /** The conversation: by default "chat_history". Give each user and session a key of its own. */
  chatStoreKey?: string | undefined;
  /** How many tokens a window has at most: by default 3,000, or 0.75 of `llm.contextWindow`. */
  tokenLimit?: number | undefined;
  /** The model that the window is for. */
  llm?: { contextWindow: number } | undefined;
  /** By default OpenAI's cl100k_base, loaded when it is first needed. */
  tokenizer?: Tokenizer | undefined;
}

/** Which window `get` answers. */
export interface WindowOptions extends ReadOptions {
  /** Tokens that are sent besides the window (a system prompt, say): they are taken off the limit. */
  initialTokenCount?: number | undefined;
  /**
   * Keeps the window valid for every model API: whole turns only, beginning with a user's message (after system
   * messages), no tool call without its result and no result without its call, never over the limit.
   */
  completeTurns?: boolean | undefined;
  /** Keeps the system messages with which the conversation begins, within the limit. */
  pinSystem?: boolean | undefined;
}

const defaultKey = "chat_history";
const defaultTokenLimit = 3000;
const defaultTokenLimitRatio = 0.75;
/** How often a window is read anew because the history was replaced while its pages were read. */
const readsAnew = 5;

async function defaultTokenizer(): Promise<Tokenizer> {
  const { loadCl100k } = await import("./cl100k.js");
  return loadCl100k();
}

function isTokenLimit(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

/** Tells what is wrong with a caller's tokenizer as what it is, a bad argument, without the text that it was given. */
class CheckedMeter extends TokenMeter {
  constructor(tokenizer: Tokenizer) {
    super((text) => {
      try {
        return tokenizer(text);
      } catch {
        const advice = 'It must take any text, special tokens too: for js-tiktoken, encode(text, "all").';
        throw invalid(`The tokenizer threw an error. ${advice}`);
      }
    });
  }

  override count(text: string): number {
    try {
      return super.count(text);
    } catch (error) {
      throw error instanceof TypeError ? invalid(error.message) : error;
    }
  }
}

const optionNames: readonly (keyof ChatMemoryBufferOptions)[] = [
  "chatStore",
  "chatStoreKey",
  "tokenLimit",
  "llm",
  "tokenizer",
];

/** A conversation in a chat store, and the newest part of it that fits a model: LlamaIndex's ChatMemoryBuffer. */
export class ChatMemoryBuffer {
  readonly chatStore: ChatStore;
  readonly chatStoreKey: string;
  /** In tokens. */
  readonly tokenLimit: number;
  readonly #tokenizer: Tokenizer | undefined;
  #meter: TokenMeter | undefined;

  /** Throws `INVALID_ARGUMENT`. Reads and writes nothing. */
  constructor(options: ChatMemoryBufferOptions = {}) {
    checkOptionNames(options, optionNames, "ChatMemoryBuffer");
    const { chatStore = new SimpleChatStore(), chatStoreKey = defaultKey, tokenizer, llm } = options;
    const {
      tokenLimit = llm === undefined ? defaultTokenLimit : Math.floor(llm.contextWindow * defaultTokenLimitRatio),
    } = options;
    if (!isTokenLimit(tokenLimit)) {
      throw invalid("tokenLimit, or 0.75 of llm.contextWindow without one, must be an integer, 1 or more.");
    }
    if (typeof chatStore?.getPage !== "function") throw invalid("chatStore must be a ChatStore.");
    this.chatStore = chatStore;
    this.chatStoreKey = chatStoreKey;
    this.tokenLimit = tokenLimit;
    this.#tokenizer = tokenizer;
  }

  /** As LlamaIndex's `from_defaults`: with `chatHistory`, what the store had under the key is replaced. */
  static async fromDefaults(
    options: ChatMemoryBufferOptions & { chatHistory?: readonly ChatMessageInput[] | undefined } = {},
  ): Promise<ChatMemoryBuffer> {
    const { chatHistory, ...own } = options;
    const memory = new ChatMemoryBuffer(own);
    if (chatHistory !== undefined) await memory.set(chatHistory);
    return memory;
  }

  /** What {@link serialize} or Python's `to_string()` wrote. Throws `CORRUPT_MESSAGE`, or `UNSUPPORTED` for another store. */
  static deserialize(text: string, options: { tokenizer?: Tokenizer | undefined } = {}): ChatMemoryBuffer {
    let data: unknown;
    try {
      data = parseJson(text);
    } catch {
      throw chatStoreError("CORRUPT_MESSAGE", "The text is no JSON, and so no serialized memory.");
    }
    if (!isObject(data)) throw chatStoreError("CORRUPT_MESSAGE", "The text is no serialized memory.");
    const { chat_store = {}, chat_store_key = defaultKey, chat_history, token_limit } = data;
    // Before memories had a store, they wrote the messages themselves.
    const stored = chat_history === undefined ? chat_store : { store: { [defaultKey]: chat_history } };
    if (!isObject(stored) || typeof chat_store_key !== "string" || !isTokenLimit(token_limit)) {
      const problem =
        "Its chat_store must be an object, its chat_store_key text and its token_limit an integer above 0.";
      throw chatStoreError("CORRUPT_MESSAGE", `The text is no serialized memory. ${problem}`);
    }
    if (stored.class_name !== undefined && stored.class_name !== "SimpleChatStore") {
      throw chatStoreError("UNSUPPORTED", "Only a memory on a SimpleChatStore can be read back from text.");
    }
    return new ChatMemoryBuffer({
      chatStore: SimpleChatStore.fromJSON(stored),
      chatStoreKey: chat_store_key,
      tokenLimit: token_limit,
      tokenizer: options.tokenizer,
    });
  }

  /** The text of LlamaIndex Python's `to_string()`. `UNSUPPORTED` when the store is not a SimpleChatStore, as in Python. */
  async serialize(): Promise<string> {
    const store: unknown =
      "toJSON" in this.chatStore && typeof this.chatStore.toJSON === "function" ? this.chatStore.toJSON() : undefined;
    if (!isObject(store) || store.class_name !== "SimpleChatStore") {
      throw chatStoreError("UNSUPPORTED", "Only a memory on a SimpleChatStore can be written as text.");
    }
    const { stringifySpaced } = await import("../messages/spaced-json.js");
    return stringifySpaced(
      {
        chat_store: store,
        chat_store_key: this.chatStoreKey,
        token_limit: this.tokenLimit,
        class_name: "ChatMemoryBuffer",
      },
      { ascii: true },
    );
  }

  /**
   * The window to send to a model: by default the very window that LlamaIndex Python returns. Only the newest pages that
   * it needs are read: usually one request, and as many for a long history as for a short one.
   *
   * As in Python, what counts is text: tool calls, thinking and images cost no tokens, and the newest message is returned
   * even if it alone is over the limit (`completeTurns` is `MESSAGE_TOO_LARGE` then).
   */
  async get(options: WindowOptions = {}): Promise<ChatMessage[]> {
    const { initialTokenCount = 0 } = options;
    if (!Number.isInteger(initialTokenCount) || initialTokenCount < 0) {
      throw invalid("initialTokenCount must be an integer, 0 or more.");
    }
    if (initialTokenCount > this.tokenLimit) {
      throw invalid(`initialTokenCount is ${initialTokenCount}, over the tokenLimit of ${this.tokenLimit}.`);
    }
    this.#meter ??= new CheckedMeter(this.#tokenizer ?? (await defaultTokenizer()));
    for (let tries = 1; ; tries++) {
      try {
        return await this.#window(this.#meter, this.tokenLimit - initialTokenCount, options);
      } catch (error) {
        if (tries === readsAnew || !isChatStoreError(error, "CONFLICT")) throw error;
      }
    }
  }

  async #window(meter: TokenMeter, tokens: number, options: WindowOptions): Promise<ChatMessage[]> {
    const history = new HistoryReader(this.chatStore, this.chatStoreKey, options.signal);
    const pinned = options.pinSystem ? await history.pinSystemMessages() : [];
    const budget = { meter, tokens, pinned };
    checkPinned(budget);
    if (!options.completeTurns) return [...pinned, ...(await pythonWindow(history, budget))];
    const { turnsWindow } = await import("./turns.js");
    return [...pinned, ...(await turnsWindow(history, budget))];
  }

  /** The whole conversation. Its cost grows with it. */
  getAll(options?: ReadOptions): Promise<ChatMessage[]> {
    return this.chatStore.getMessages(this.chatStoreKey, options);
  }

  /** Appends a message to the conversation. */
  put(message: ChatMessageInput, options?: WriteOptions): Promise<void> {
    return this.chatStore.addMessage(this.chatStoreKey, message, options);
  }

  /** All or none of them. */
  putMessages(messages: readonly ChatMessageInput[], options?: WriteOptions): Promise<void> {
    return this.chatStore.addMessages(this.chatStoreKey, messages, options);
  }

  /** Replaces the conversation. */
  set(messages: readonly ChatMessageInput[], options?: WriteOptions): Promise<void> {
    return this.chatStore.setMessages(this.chatStoreKey, messages, options);
  }

  /** Forgets the conversation. */
  reset(options?: WriteOptions): Promise<void> {
    return this.chatStore.deleteMessages(this.chatStoreKey, options);
  }
}
