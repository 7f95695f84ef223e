import type {
  AbortSignalLike,
  AddOptions,
  ChatStore,
  KeyOptions,
  ListKeysOptions,
  MessagePage,
  PageOptions,
  ReadOptions,
  WriteOptions,
} from "../chat-store.js";
import { type ChatStoreError, type ChatStoreErrorDetails, chatStoreError, isChatStoreError } from "../errors.js";
import { type Codec, type Payload, textCodec } from "../messages/codec.js";
import type { ChatMessage, ChatMessageInput } from "../messages/message.js";
import { aborted, attempt, type Service } from "./attempts.js";
import type { Driver, DriverPage, Failure, ReadContext, WriteContext } from "./driver.js";
import { hashText, newOperation, type OperationKind } from "./operation.js";
import { neverAborted } from "./signals.js";
import { type OperationTrace, traced } from "./trace.js";
import {
  checkCount,
  checkIndex,
  checkKey,
  checkOperationId,
  checkPrefix,
  describe,
  fitsUtf8,
  invalid,
  isKey,
  maxKeyPageSize,
  utf8Length,
} from "./validate.js";

declare global {
  // For programs compiled without the library that has it; the same declaration as there.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** What every store's options have. */
export interface CommonOptions {
  /** Of an operation with all its retries, in milliseconds: 30,000 by default, `Infinity` for none. */
  timeoutMs?: number | undefined;
  /** How often a request that failed for a passing reason is sent again: 5 by default. */
  maxRetries?: number | undefined;
}

/** Of what a store offers beyond {@link ChatStore}: it has no deadline of its own, and nothing is repeated as a whole. */
export interface MaintenanceOptions {
  /** Gives up: the call rejects with `ABORTED`. What was done so far stays done. */
  signal?: AbortSignalLike | undefined;
}

/** How a store comes to its driver. */
export interface Backend<D = Driver> {
  /** The backend's name, for errors and traces, as in "redis". */
  name: string;
  /** Makes the driver, at the first operation; what it threw is thrown by that operation, and the next one tries again. */
  open: () => D | Promise<D>;
  /** What an error of the SDK means; when absent, every one is `UNAVAILABLE` and final. */
  explain?: ((error: unknown) => Failure) | undefined;
}

/** What a mutation is made of: what names it, and what it writes. */
interface Mutation<P> {
  kind: OperationKind;
  /** Its index or count. */
  number?: number | undefined;
  payloads?: readonly P[] | undefined;
}

/**
 * A {@link BaseChatStore} whose driver is given messages in another form than text. For stores that only this process reads:
 * what is sent, or written where others read it, is text.
 */
export class CodedChatStore<P, D extends Driver<P>> implements ChatStore {
  readonly #backend: Backend<D>;
  readonly #codec: Codec<P>;
  readonly #service: Service<D>;
  /** How many operations are under way, and what to do when none is any more. */
  #underWay = 0;
  #whenIdle: (() => void) | undefined;
  #driver: Promise<D> | undefined;
  /** The same, when it has been made. */
  #opened: D | undefined;
  #closing: Promise<void> | undefined;

  constructor(backend: Backend<D>, codec: Codec<P>, options: CommonOptions) {
    const { timeoutMs = 30_000, maxRetries = 5 } = options;
    if (typeof timeoutMs !== "number" || !(timeoutMs > 0)) throw invalid("timeoutMs must be above 0, or Infinity.");
    checkCount("maxRetries", maxRetries, 0);
    this.#backend = backend;
    this.#codec = codec;
    // Timers hold at most 31 bits of milliseconds.
    const policy = { timeoutMs: timeoutMs > 0x7fffffff ? Number.POSITIVE_INFINITY : timeoutMs, maxRetries };
    this.#service = {
      policy,
      driver: () => this.#opened ?? this.driver(),
      explain: (error) => this.#explain(error),
    };
  }

  async setMessages(key: string, messages: readonly ChatMessageInput[], options?: WriteOptions): Promise<void> {
    const payloads = this.#encodeList(messages);
    await this.#write("setMessages", key, options, { kind: payloads.length > 0 ? "s" : "f", payloads }, (driver, c) =>
      payloads.length > 0 ? driver.replace(key, payloads, c) : driver.forget(key, c),
    );
  }

  async getMessages(key: string, options?: ReadOptions): Promise<ChatMessage[]> {
    const payloads = await this.#read("getMessages", key, options, (driver, c) => driver.readAll(key, c));
    return this.#decodeAll(payloads, key, "");
  }

  async addMessage(key: string, message: ChatMessageInput, options?: AddOptions): Promise<void> {
    const payload = this.#codec.encode(message, []);
    const index = options?.index;
    if (index === undefined) {
      await this.#write("addMessage", key, options, { kind: "a", payloads: [payload] }, (driver, c) =>
        driver.append(key, [payload], c),
      );
      return;
    }
    checkIndex(index);
    await this.#write(
      "addMessage",
      key,
      options,
      { kind: "i", number: index, payloads: [payload] },
      async (driver, c) => {
        if (await driver.insert(key, index, payload, c)) return;
        const problem = `index is ${index}, beyond the end of the conversation. Leave it out to append.`;
        throw chatStoreError("INDEX_OUT_OF_RANGE", problem);
      },
    );
  }

  async addMessages(key: string, messages: readonly ChatMessageInput[], options?: WriteOptions): Promise<void> {
    const payloads = this.#encodeList(messages);
    await this.#write("addMessages", key, options, { kind: "a", payloads }, async (driver, c) => {
      if (payloads.length > 0) await driver.append(key, payloads, c);
    });
  }

  async deleteMessages(key: string, options?: WriteOptions): Promise<void> {
    await this.#write("deleteMessages", key, options, { kind: "f" }, (driver, c) => driver.forget(key, c));
  }

  async deleteMessage(key: string, index: number, options?: WriteOptions): Promise<ChatMessage | undefined> {
    checkIndex(index);
    const removed = await this.#write("deleteMessage", key, options, { kind: "d", number: index }, (driver, c) =>
      driver.remove(key, index, c),
    );
    return this.#decodeRemoved(removed, key);
  }

  async deleteLastMessage(key: string, options?: WriteOptions): Promise<ChatMessage | undefined> {
    const removed = await this.#write("deleteLastMessage", key, options, { kind: "p" }, (driver, c) =>
      driver.pop(key, c),
    );
    return this.#decodeRemoved(removed, key);
  }

  async replaceMessage(
    key: string,
    index: number,
    message: ChatMessageInput,
    options?: WriteOptions,
  ): Promise<ChatMessage | undefined> {
    checkIndex(index);
    const payload = this.#codec.encode(message, []);
    const mutation: Mutation<P> = { kind: "e", number: index, payloads: [payload] };
    const replaced = await this.#write("replaceMessage", key, options, mutation, (driver, c) =>
      driver.edit(key, index, payload, c),
    );
    return this.#decodeRemoved(replaced, key);
  }

  async trimMessages(key: string, keepLast: number, options?: WriteOptions): Promise<number> {
    checkCount("keepLast", keepLast, 0);
    return this.#write("trimMessages", key, options, { kind: "t", number: keepLast }, (driver, c) =>
      driver.trim(key, keepLast, c),
    );
  }

  async getPage(key: string, options: PageOptions): Promise<MessagePage> {
    if (typeof options !== "object" || options === null) throw invalid("getPage needs options with a limit.");
    const { limit, before, from = "newest" } = options;
    checkKey(key);
    checkCount("limit", limit, 1);
    if (from !== "newest" && from !== "oldest") throw invalid('from must be "newest" or "oldest".');
    if (from === "oldest" && before !== undefined) throw invalid('before and from: "oldest" exclude each other.');
    const place = before === undefined ? undefined : openCursor(before, key);
    const page = await this.#read<DriverPage<P>>("getPage", key, options, async (driver, c) =>
      from === "oldest" ? { payloads: await driver.readOldest(key, limit, c) } : driver.readPage(key, limit, place, c),
    );
    const messages = this.#decodeAll(page.payloads, key, " of the page");
    return page.before === undefined ? { messages } : { messages, before: sealCursor(page.before, key) };
  }

  async countMessages(key: string, options?: ReadOptions): Promise<number> {
    return this.#read("countMessages", key, options, (driver, c) => driver.count(key, c));
  }

  async getKeys(options?: KeyOptions): Promise<string[]> {
    const keys: string[] = [];
    for await (const key of this.listKeys({ ...options, pageSize: maxKeyPageSize })) keys.push(key);
    return keys;
  }

  async *listKeys(options: ListKeysOptions = {}): AsyncGenerator<string, void, undefined> {
    const { prefix = "", pageSize = 100 } = options;
    checkPrefix(prefix);
    checkCount("pageSize", pageSize, 1, maxKeyPageSize);
    let cursor: string | undefined;
    do {
      const from = cursor;
      const page = await this.#run("listKeys", undefined, options, undefined, (driver, signal) =>
        driver.listKeys(prefix, pageSize, from, { signal }),
      );
      yield* page.keys.filter(isKey);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    const [opened] = await Promise.allSettled([this.#driver]);
    if (opened.status === "rejected") return;
    try {
      await opened.value?.close();
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** Closes the store at the end of the block of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** So that no `JSON.stringify` of something that holds a store shows how the store is connected. */
  toJSON(): unknown {
    return { chatStore: this.#backend.name };
  }

  /**
   * Runs what a store offers beyond ChatStore: refused when the store is closed, waited for when it is closing, and what it
   * throws told as a ChatStoreError.
   */
  protected async maintain<T>(
    options: MaintenanceOptions | undefined,
    run: (context: ReadContext) => Promise<T>,
  ): Promise<T> {
    const signal = options?.signal ?? neverAborted;
    if (this.#closing !== undefined) throw closed();
    if (signal.aborted) throw aborted(undefined, undefined);
    this.#underWay++;
    try {
      return await run({ signal });
    } catch (error) {
      if (signal.aborted) throw aborted(undefined, undefined);
      throw this.#told(error);
    } finally {
      this.#ended();
    }
  }

  #ended(): void {
    this.#underWay--;
    if (this.#underWay === 0) this.#whenIdle?.();
  }

  /** The driver, made if there is none yet. */
  protected driver(): Promise<D> {
    if (this.#driver !== undefined) return this.#driver;
    const opening = (async () => this.#backend.open())();
    this.#driver = opening;
    opening.then(
      (driver) => {
        this.#opened = driver;
      },
      () => {
        // The next operation tries again.
        this.#driver = undefined;
      },
    );
    return opening;
  }

  #explain(error: unknown): Failure {
    return this.#backend.explain?.(error) ?? unexplained;
  }

  #told(error: unknown): ChatStoreError {
    if (isChatStoreError(error)) return error;
    const { code, message } = this.#explain(error);
    return chatStoreError(code, message);
  }

  #read<T>(
    operation: string,
    key: string,
    options: ReadOptions | undefined,
    send: (driver: D, context: ReadContext) => Promise<T>,
  ): Promise<T> {
    checkKey(key);
    return this.#run(operation, key, options, undefined, (driver, signal) => send(driver, { signal }));
  }

  #write<T>(
    method: string,
    key: string,
    options: WriteOptions | undefined,
    { kind, number, payloads = [] }: Mutation<P>,
    send: (driver: D, context: WriteContext) => Promise<T>,
  ): Promise<T> {
    checkKey(key);
    const id = options?.operationId;
    if (id !== undefined) checkOperationId(id);
    const operation = newOperation(id, kind, number, payloads);
    return this.#run(method, key, options, payloads.length, (driver, signal, mayBeApplied) => {
      checkSizes(payloads, driver.maxPayloadBytes);
      return send(driver, { signal, operation, mayBeApplied });
    });
  }

  /** `written` is the number of messages that a write writes. */
  async #run<T>(
    operation: string,
    key: string | undefined,
    options: ReadOptions | undefined,
    written: number | undefined,
    send: (driver: D, signal: AbortSignalLike, mayBeApplied: boolean) => Promise<T>,
  ): Promise<T> {
    const isWrite = written !== undefined;
    const outcome = isWrite ? "not-applied" : undefined;
    const signal = options?.signal;
    if (this.#closing !== undefined) throw closed({ outcome, key });
    if (signal?.aborted === true) throw aborted(outcome, key);

    const trace: OperationTrace = { backend: this.#backend.name, operation, key, messages: written, attempts: 0 };
    this.#underWay++;
    try {
      return await traced(trace, () => attempt(this.#service, { key, signal, isWrite, trace, send }));
    } finally {
      this.#ended();
    }
  }

  #encodeList(messages: readonly ChatMessageInput[]): P[] {
    if (!Array.isArray(messages)) throw invalid(`messages must be a list, not ${describe(messages)}.`);
    return Array.from(messages, (message, index) => this.#codec.encode(message, ["messages", index]));
  }

  #decodeAll(payloads: readonly P[], key: string, where: string): ChatMessage[] {
    return payloads.map((payload, index) => {
      try {
        return this.#codec.decode(payload);
      } catch (error) {
        throw undecoded(error, key, `message ${index}${where}`);
      }
    });
  }

  #decodeRemoved(payload: P | undefined, key: string): ChatMessage | undefined {
    if (payload === undefined) return undefined;
    try {
      return this.#codec.decode(payload);
    } catch (error) {
      throw undecoded(error, key, "It was done, but the message that was there");
    }
  }
}

/**
 * The part of a chat store that is the same on every backend: arguments are checked, messages encoded and decoded,
 * requests repeated, deadlines and AbortSignals kept, operations traced, errors told. A store extends it and hands it a
 * driver.
 */
export class BaseChatStore<D extends Driver = Driver> extends CodedChatStore<Payload, D> {
  constructor(backend: Backend<D>, options: CommonOptions = {}) {
    super(backend, textCodec, options);
  }
}

function closed(details?: ChatStoreErrorDetails) {
  return chatStoreError("CLOSED", "The store is closed; make a new one.", details);
}

const unexplained: Failure = {
  code: "UNAVAILABLE",
  message: "The backend failed in a way that its store does not know.",
  outcome: "unknown",
  retry: false,
};

function checkSizes(payloads: readonly unknown[], most: number | undefined): void {
  if (most === undefined) return;
  payloads.forEach((payload, index) => {
    if (typeof payload !== "string" || fitsUtf8(payload, most)) return;
    const which = payloads.length === 1 ? "The message" : `messages[${index}]`;
    const problem = `${which} has ${utf8Length(payload)} bytes as JSON; this backend holds at most ${most}. Split it.`;
    throw chatStoreError("MESSAGE_TOO_LARGE", problem);
  });
}

/** What decoding threw, and which message it was. */
function undecoded(error: unknown, key: string, which: string): unknown {
  if (!isChatStoreError(error)) return error;
  return chatStoreError(error.code, `${which} of conversation ${JSON.stringify(key)}: ${error.message}`, { key });
}

/** A cursor is bound to its key by a hash of it, so that one that went astray is told from one that is out of date. */
function sealCursor(place: string, key: string): string {
  return `${hashText(key)}.${place}`;
}

function openCursor(cursor: unknown, key: string): string {
  const seal = sealCursor("", key);
  if (typeof cursor === "string" && cursor.startsWith(seal)) return cursor.slice(seal.length);
  throw invalid("before is no cursor of this conversation. Give what the page of newer messages had as its `before`.");
}
