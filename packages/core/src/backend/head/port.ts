import type { ReadContext } from "../driver.js";

/** The head row of a conversation, as a service stores it. */
export interface StoredHead {
  /** Occurs once ever: the condition of the next write. */
  token: string;
  /** Live messages; 0 for a conversation that has ended and whose head is still remembered. */
  count: number;
  /** When the conversation expires, in milliseconds; undefined when it does not. */
  expiresAt: number | undefined;
  /** When this head was written, in milliseconds of its writer's clock. */
  writtenAt: number;
  /** Everything else. Opaque to the port. */
  text: string;
}

/** Names a row of a conversation; never used for another content. */
export interface RowAddress {
  /**
   * The incarnation whose message it is, its copies, or the staged set: `m`, `c` or `b`, and then letters, digits, `-` and
   * `_`, 24 at most. Of a staged set the first nine of them are its time in base 36; of the others they are any.
   */
  source: string;
  /** Position within the source: below 10^15. */
  index: number;
  /** Of a message that takes several rows: 0, 1, 2, … */
  part: number;
}

/** A row with a message, or with a part of a large one. */
export interface Row extends RowAddress {
  /** How many rows the message takes; the same in each of them. */
  parts: number;
  /** Where the message was before it was copied, in the protocol's own notation. */
  origin?: string | undefined;
  body: string;
}

/** Rows of one source with `from <= index < to`, all parts. */
export interface RowRange {
  source: string;
  from: number;
  to: number;
}

/** What the service can hold and do at once. */
export interface PortLimits {
  /** The most bytes of UTF-8 in the body of one row. */
  rowBytes: number;
  /** The most bytes of messages that a head may hold; larger ones are written beside it. */
  inlineBytes: number;
  /** How many rows go into one request; 0 when rows can't be written in one atomic step with the head. */
  rowsWithHead: number;
}

/** What became of a compare-and-swap. */
export type CasResult =
  | { applied: true }
  /**
   * Refused, for good: that write can never happen any more. `current` where the service tells it. `sentOnce` when the port
   * knows that the request was not sent a second time behind its back, so that it did not happen before either.
   */
  | { applied: false; current?: StoredHead | undefined; sentOnce?: boolean | undefined };

/** A head with the key that it is of. */
export interface ListedHead {
  key: string;
  head: StoredHead;
}

/**
 * What the head protocol needs of a service. A method that rejects may have been applied or may be applied later, and may
 * be applied twice; one that resolves has been applied. Reads are strongly consistent.
 */
export interface HeadPort {
  readonly limits: PortLimits;
  /** The service's time in milliseconds, as well as it is known. */
  now(): number;

  /** Undefined when there is none. */
  readHead(key: string, context: ReadContext): Promise<StoredHead | undefined>;
  /**
   * The head, and with the same request about `limit` of the last rows of the newest incarnation, where a service can.
   * Rows that are missing or too many do no harm.
   */
  readNewest?:
    | ((key: string, limit: number, context: ReadContext) => Promise<{ head: StoredHead | undefined; rows: Row[] }>)
    | undefined;
  /**
   * Writes the head if its token is still `expected`, or if there is none when `expected` is undefined. `rows` (at most
   * `rowsWithHead`) are written in the same atomic step.
   */
  casHead(
    key: string,
    head: StoredHead,
    expected: string | undefined,
    rows: readonly Row[],
    context: ReadContext,
  ): Promise<CasResult>;
  /** Deletes the head if its token is still `expected`; whether it did. */
  deleteHead(key: string, expected: string, context: ReadContext): Promise<boolean>;

  /** Writes rows, in any order and any number of requests. One that is there already has the same content. */
  putRows(key: string, rows: readonly Row[], context: ReadContext): Promise<void>;
  /** The rows of the ranges that are there, in any order. */
  readRows(key: string, ranges: readonly RowRange[], context: ReadContext): Promise<Row[]>;
  /** Addresses of rows of the conversation, of one source or of all, a page at a time. */
  listRows(
    key: string,
    source: string | undefined,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ addresses: RowAddress[]; cursor?: string | undefined }>;
  /** Deletes rows, in any number of requests. It is no error when some are gone already. */
  deleteRows(key: string, addresses: readonly RowAddress[], context: ReadContext): Promise<void>;

  /**
   * Heads of all keys that begin with `prefix`, about `limit` at a time; may lag behind. With `ended` also those of count 0, and
   * `text` saves a read: where it is left empty, `purge` reads the head.
   */
  listHeads(
    options: { prefix: string; limit: number; cursor: string | undefined; ended: boolean },
    context: ReadContext,
  ): Promise<{ heads: ListedHead[]; cursor?: string | undefined }>;

  /** Keys of which there may be rows but no head, a page at a time: only where the service itself may delete a head. */
  listLost?:
    | ((cursor: string | undefined, context: ReadContext) => Promise<{ keys: string[]; cursor?: string | undefined }>)
    | undefined;

  /** Closes what the port opened itself. */
  close(): Promise<void>;
}
