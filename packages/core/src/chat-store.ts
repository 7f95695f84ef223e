import type { ChatMessage, ChatMessageInput } from "./messages/message.js";

/** The part of `AbortSignal` that is used, so that these types need neither the DOM's nor Node's. Pass any AbortSignal. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What every operation takes. */
export interface ReadOptions {
  /** Gives up waiting: the call rejects with `ABORTED`. A write that was under way has `outcome: "unknown"` then. */
  signal?: AbortSignalLike | undefined;
}

/** What every write takes. */
export interface WriteOptions extends ReadOptions {
  /**
   * Names this mutation, in 1 to 128 UTF-8 bytes. A repeat with the same id, on the same key, is applied once and answers
   * as the first did, within the window that the backend's README states (at least the key's 32 later mutations). The
   * same id with another operation or other arguments is `CONFLICT`. Made by the store when absent.
   */
  operationId?: string | undefined;
}

/** Of `addMessage`. */
export interface AddOptions extends WriteOptions {
  /** Insert before this position (0 to the number of messages); append when absent. */
  index?: number | undefined;
}

/** Which page: the newest, the next older one, or the first messages. */
export interface PageOptions extends ReadOptions {
  /** How many messages at most: an integer, 1 or more. */
  limit: number;
  /** The `before` of a page: gives the page of the next older messages. The newest page when absent. */
  before?: string | undefined;
  /** `"oldest"`: the first messages of the conversation instead of the newest. Excludes `before`. */
  from?: "newest" | "oldest" | undefined;
}

/** Some messages of a conversation, and where the older ones are. */
export interface MessagePage {
  /** Oldest first. */
  messages: ChatMessage[];
  /**
   * Give it as `before` to get the page of older messages; undefined when there are none. Opaque. It names a place, not
   * a number: messages that are appended, inserted, deleted or edited elsewhere don't move it. When the place itself is
   * gone (the history was replaced, forgotten or has expired) using it is `CONFLICT`: begin again with the newest page.
   */
  before?: string | undefined;
}

/** Of `getKeys`. */
export interface KeyOptions extends ReadOptions {
  /** Only keys that begin with this text. */
  prefix?: string | undefined;
}

/** Of `listKeys`. */
export interface ListKeysOptions extends KeyOptions {
  /** How many keys are fetched at a time: 1 to 1,000, by default 100. */
  pageSize?: number | undefined;
}

/**
 * The history of conversations: for each key, a list of messages, oldest first. One interface with the same behaviour on
 * every backend.
 *
 * A key is any well-formed string of 1 to 512 UTF-8 bytes. It exists while it has at least one message. Every operation
 * is atomic and takes effect at one moment between call and answer. All reject with a {@link ChatStoreError}:
 * `INVALID_KEY`, `INVALID_MESSAGE` and `INVALID_ARGUMENT` before anything is sent, `MESSAGE_TOO_LARGE` beyond the
 * backend's limit, `UNAVAILABLE` when the backend can't be reached, `CORRUPT_MESSAGE` when what is stored is no message,
 * `MISCONFIGURED`, `UNSUPPORTED`, `ABORTED`, `CLOSED`.
 */
export interface ChatStore {
  /** Replaces the history, all or nothing. With no messages it ends the conversation, as {@link deleteMessages} does. */
  setMessages(key: string, messages: readonly ChatMessageInput[], options?: WriteOptions): Promise<void>;
  /** The whole history, oldest first; empty for a key that does not exist. Its cost grows with the history. */
  getMessages(key: string, options?: ReadOptions): Promise<ChatMessage[]>;
  /** Appends, or inserts before `index`; an index beyond the end is `INDEX_OUT_OF_RANGE`. */
  addMessage(key: string, message: ChatMessageInput, options?: AddOptions): Promise<void>;
  /** Appends several, all or nothing, with nothing in between. */
  addMessages(key: string, messages: readonly ChatMessageInput[], options?: WriteOptions): Promise<void>;
  /** Forgets the conversation. */
  deleteMessages(key: string, options?: WriteOptions): Promise<void>;
  /** Removes the message at `index` (0 is the oldest) and answers it; undefined beyond the end. */
  deleteMessage(key: string, index: number, options?: WriteOptions): Promise<ChatMessage | undefined>;
  /** Removes the newest message and answers it; undefined when there is none. */
  deleteLastMessage(key: string, options?: WriteOptions): Promise<ChatMessage | undefined>;
  /** All keys, in no promised order. For many, take {@link listKeys}. */
  getKeys(options?: KeyOptions): Promise<string[]>;

  /** Edit in place: the message at `index` becomes `message`; answers the one that was there, or undefined beyond the end. */
  replaceMessage(
    key: string,
    index: number,
    message: ChatMessageInput,
    options?: WriteOptions,
  ): Promise<ChatMessage | undefined>;
  /** Retention by count: forgets all but the newest `keepLast`; answers how many were forgotten. */
  trimMessages(key: string, keepLast: number, options?: WriteOptions): Promise<number>;
  /** The newest `limit` messages, or those before a page that was read, or the oldest. Its cost doesn't grow with the history. */
  getPage(key: string, options: PageOptions): Promise<MessagePage>;
  /** How many messages there are: 0 where there is no conversation. Costs the same at any length. */
  countMessages(key: string, options?: ReadOptions): Promise<number>;
  /**
   * All keys, fetched page by page; each at least as long as it existed during the whole listing, and once. What others
   * stored under a text that is no key here (LlamaIndex takes an empty one) is left out.
   */
  listKeys(options?: ListKeysOptions): AsyncIterable<string>;
  /** Closes what the store opened itself, never an injected client. Idempotent. Operations after it are `CLOSED`. */
  close(): Promise<void>;
}
