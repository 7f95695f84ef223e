import type { Payload } from "../../messages/codec.js";
import type { ReadContext } from "../driver.js";

/** A conversation as one document. `Item` is a message in the service's own form. */
export interface StoredDocument<Item> {
  /** The history, oldest first. */
  items: readonly Item[];
  /** What our clients wrote beside it; absent when another program wrote the document last. */
  marker: string | undefined;
  /** When it expires, in milliseconds; undefined when it does not. */
  expiresAt: number | undefined;
}

/** What a write is conditional on: that there is no document, that it has this marker, or that it is all as it was read. */
export type Expected<Document> = "nothing" | { marker: string } | { document: Document };

/** What changes in a document. The port may write that alone, or all items. */
export type DocumentChange<Item> =
  | { kind: "append"; items: readonly Item[] }
  | { kind: "set" }
  | { kind: "put"; index: number; item: Item }
  | { kind: "remove"; from: number; count: number };

/** A document as it is to be, and what is new in it. */
export interface DocumentWrite<Item> {
  change: DocumentChange<Item>;
  /** All items as they are to be; undefined for an append to a document of which only the marker is known. */
  items: readonly Item[] | undefined;
  marker: string;
  expiresAt: number | undefined;
}

/** What became of a conditional write. */
export type DocumentResult<Document> =
  | { applied: true }
  /**
   * Refused, for good. `sentOnce` when the port knows that the request was not sent a second time behind its back.
   * `current` is what is there instead, where the service tells it.
   */
  | { applied: false; sentOnce: boolean; current?: { document: Document | undefined } | undefined };

/** A document as a listing shows it, without its items. */
export interface ListedDocument {
  key: string;
  /** Whether it has no messages. */
  empty: boolean;
  expiresAt: number | undefined;
}

/**
 * What {@link DocumentDriver} needs of a service that keeps a conversation in one document, in the format of another
 * program. A method that rejects may have been applied; one that resolves has been. Reads are strongly consistent.
 */
export interface DocumentPort<Item, Document extends StoredDocument<Item>> {
  /** The largest payload that can fit, in UTF-8 bytes. */
  readonly maxPayloadBytes: number;
  /** Whether messages can be appended to a document whose items are not known. */
  readonly appendsUnseen: boolean;
  /** Expiry is kept in whole units of so many milliseconds. */
  readonly expiryUnitMs: number;
  /** The service's time in milliseconds, as well as it is known. */
  now(): number;

  /** A message in the other program's format. */
  readonly toItem: (payload: Payload) => Item;
  /** And back. */
  readonly toPayload: (item: Item) => Payload;

  /** Throws `CORRUPT_MESSAGE` for what holds no history. */
  read(key: string, context: ReadContext): Promise<Document | undefined>;
  /** In one atomic step. Throws `MESSAGE_TOO_LARGE` for a document that the service can't hold. */
  write(
    key: string,
    write: DocumentWrite<Item>,
    expected: Expected<Document>,
    context: ReadContext,
  ): Promise<DocumentResult<Document>>;
  /** Deletes the document, if it is still the `expected` one. */
  delete(key: string, expected: Expected<Document>, context: ReadContext): Promise<DocumentResult<Document>>;
  /** Deletes a document if it still expires then; whether it did. */
  deleteExpired(key: string, expiresAt: number, context: ReadContext): Promise<boolean>;
  /** About `limit` documents, a page at a time; those whose keys don't begin with `prefix` may be left out. */
  list(
    prefix: string,
    limit: number,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ documents: ListedDocument[]; cursor?: string | undefined }>;
}
