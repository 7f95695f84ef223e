import type { TransactionAction } from "@azure/data-tables";
import { type ReadContext, RecentMap } from "@chatkeep/chat-store-core/backend";
import type { Conditional, Requests } from "./requests.js";
import { numberOf } from "./row-keys.js";

const mostRemembered = 1_000;
const rounds = 8;

/** What the counts must know of the conversations that they count. */
export interface Counted {
  /** The name of a conversation in the tables. */
  nameOf(key: string): string;
  /** The RowKey of its last message, read anew. */
  lastOf(key: string, context: ReadContext): Promise<string | undefined>;
  /** Whether there are no messages, in one request. */
  isEmpty(key: string, context: ReadContext): Promise<boolean>;
}

/**
 * The rows of Python's second table: where a conversation ends, behind which Python appends. No transaction reaches both
 * tables, so a count is written after the messages, on the condition that nobody else has written it meanwhile.
 */
export class Counts {
  readonly #metadata: Requests;
  readonly #partition: string;
  readonly #counted: Counted;
  /** ETags of the rows; undefined where there is none. */
  readonly #etags = new RecentMap<string | undefined>(mostRemembered);
  /** Conversations whose count may not have been written although a write was. */
  readonly #doubtful = new Set<string>();

  constructor({ metadata, metadataPartition }: { metadata: Requests; metadataPartition: string }, counted: Counted) {
    this.#metadata = metadata;
    this.#partition = metadataPartition;
    this.#counted = counted;
  }

  /** A row must have been read before a write, so that it is never written from what is older than it. */
  async prepare(key: string, context: ReadContext): Promise<void> {
    if (this.#etags.has(key)) return;
    this.#note(key, (await this.#metadata.get(this.#row(key), context))?.etag);
  }

  /** A write may have been done whose count is not written. */
  doubt(key: string): void {
    this.#doubtful.add(key);
  }

  /** Counts anew where that is in doubt. */
  async catchUp(key: string, context: ReadContext): Promise<void> {
    if (this.#doubtful.has(key)) await this.recount(key, context);
  }

  /** Writes the count, if nobody else did since this process knew it; otherwise from what is there. */
  async write(key: string, last: string, context: ReadContext): Promise<void> {
    if (await this.#tryWrite(key, last, context)) this.#doubtful.delete(key);
    else await this.recount(key, context);
  }

  async recount(key: string, context: ReadContext): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      this.#etags.delete(key);
      await this.prepare(key, context);
      if (await this.#tryWrite(key, await this.#counted.lastOf(key, context), context)) {
        this.#doubtful.delete(key);
        return;
      }
    }
  }

  async #tryWrite(key: string, last: string | undefined, context: ReadContext): Promise<boolean> {
    const row = this.#row(key);
    const etag = this.#etags.get(key);
    let result: Conditional = { applied: true, etag: undefined };
    if (last !== undefined) {
      const named = row.rowKey === key ? {} : { chatkeepKey: Buffer.from(key) };
      const entity = { ...row, ...named, LastMessageRowKey: last, MessageCount: numberOf(last) + 1 };
      const action: TransactionAction =
        etag === undefined ? ["create", entity] : ["update", entity, "Replace", { etag }];
      result = await this.#metadata.transact([action], context);
    } else if (etag !== undefined) result = await this.#metadata.delete(row, etag, context);

    if (result.applied) this.#note(key, result.etag);
    else this.#etags.delete(key);
    const isNew = result.applied && last !== undefined && etag === undefined;
    // Who deleted the conversation meanwhile has found no row to delete.
    if (isNew && (await this.#counted.isEmpty(key, context))) return this.#tryWrite(key, undefined, context);
    return result.applied;
  }

  #row(key: string) {
    return { partitionKey: this.#partition, rowKey: this.#counted.nameOf(key) };
  }

  #note(key: string, etag: unknown): void {
    this.#etags.set(key, typeof etag === "string" ? etag : undefined);
  }
}
