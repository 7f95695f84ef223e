import type { AbortSignalLike } from "../chat-store.js";
import type { ChatStoreErrorCode, WriteOutcome } from "../errors.js";
import type { Payload } from "../messages/codec.js";

/** Names a mutation, so that it is applied once however often it is sent. */
export interface Operation {
  /** Unique for the key: 1 to 128 UTF-8 bytes from a caller, 20 characters of `[-_0-9A-Za-z]` from the store. */
  readonly id: string;
  /**
   * What is asked for, in at most 20 ASCII characters: an id that comes back with another fingerprint is another
   * operation, and refused with `CONFLICT`.
   */
  readonly fingerprint: string;
  /** Whether the caller chose the id, and so may bring it back after this call has ended. */
  readonly fromCaller: boolean;
}

/** What a driver is told with every call. */
export interface ReadContext {
  /**
   * Aborts when the caller does or when the deadline has passed; for the SDK, so that nothing goes on needlessly: as
   * `abortSignalOf` makes one of it, where the SDK takes only the platform's own.
   */
  readonly signal: AbortSignalLike;
}

export interface WriteContext extends ReadContext {
  readonly operation: Operation;
  /** Whether an earlier try may have been applied, or be still on its way. */
  readonly mayBeApplied: boolean;
}

/** Some payloads, and where the older ones are. */
export interface DriverPage<P = Payload> {
  /** Oldest first. */
  payloads: P[];
  /** Where the next older page ends; absent when there are no older messages. The driver's own text, given back to it. */
  before?: string | undefined;
}

/** Some keys, and where the next are. */
export interface DriverKeys {
  keys: string[];
  /** Where the next keys begin; absent after the last. */
  cursor?: string | undefined;
}

/**
 * One layout on one backend. Everything that is the same for all of them has been done when a driver is called: arguments
 * are valid, messages are encoded, a retry carries the same operation. What is left is to do each operation **in one
 * atomic step**, in which the operation's id is looked up and remembered too, and to answer as said here.
 *
 * A driver throws what its SDK throws (the store's `explain` makes sense of it) or, for what it finds out itself, a
 * ChatStoreError: `CONFLICT` (an id used twice, a cursor whose place is gone), `MESSAGE_TOO_LARGE`, `MISCONFIGURED`.
 */
export interface Driver<P = Payload> {
  /**
   * Whether an operation whose id was seen before is answered as the first time instead of being applied again. If so, a
   * write whose outcome is unknown is sent again; if not, it never is.
   */
  readonly exactlyOnce: boolean;
  /** The largest payload in UTF-8 bytes; absent when there is no limit below what the runtime can hold. */
  readonly maxPayloadBytes?: number | undefined;

  /** Adds at the end, together; at least one. */
  append(key: string, payloads: readonly P[], context: WriteContext): Promise<void>;
  /** Adds before position `index`; false, with nothing changed, when `index` is beyond the end. */
  insert(key: string, index: number, payload: P, context: WriteContext): Promise<boolean>;
  /** Replaces the whole history; at least one. */
  replace(key: string, payloads: readonly P[], context: WriteContext): Promise<void>;
  /** Ends the conversation. What was there must not come back when the key is used again. */
  forget(key: string, context: WriteContext): Promise<void>;
  /** Puts `payload` in the place of the one at `index`, and answers that; undefined beyond the end. */
  edit(key: string, index: number, payload: P, context: WriteContext): Promise<P | undefined>;
  /** Removes the one at `index` and answers it; undefined beyond the end. */
  remove(key: string, index: number, context: WriteContext): Promise<P | undefined>;
  /** Removes the newest and answers it; undefined when there is none. */
  pop(key: string, context: WriteContext): Promise<P | undefined>;
  /** Removes all but the newest `keepLast`; answers how many were removed. */
  trim(key: string, keepLast: number, context: WriteContext): Promise<number>;

  /** All, of one moment. */
  readAll(key: string, context: ReadContext): Promise<P[]>;
  /** The newest `limit` before the place that `before` names, or of all. Its cost must not grow with the history. */
  readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage<P>>;
  /** The first `limit`. Its cost must not grow with the history. */
  readOldest(key: string, limit: number, context: ReadContext): Promise<P[]>;
  /** How many messages there are. Its cost must not grow with the history. */
  count(key: string, context: ReadContext): Promise<number>;
  /** Keys that begin with `prefix`, about `limit` at a time; what another application keeps there is not touched. */
  listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys>;

  /** Closes what the driver opened itself. Called once, when nobody waits for an operation any more. */
  close(): Promise<void>;
}

/** What an error of an SDK means. */
export interface Failure {
  code: ChatStoreErrorCode;
  /** For people: what went wrong and what to do. Never content, credentials or an address with credentials. */
  message: string;
  /** Of a write that failed so: surely without effect, or perhaps applied. */
  outcome: WriteOutcome;
  /** Whether the same request may succeed if sent again. */
  retry: boolean;
  /** How long the service asks to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
}
