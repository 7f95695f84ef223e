import type { TransactionAction } from "@azure/data-tables";
import {
  batches,
  chatStoreError,
  type DocumentPort,
  type DocumentResult,
  type DocumentWrite,
  type Expected,
  inParallel,
  type ListedDocument,
  mayBeginKey,
  type ReadContext,
  RecentMap,
  type StoredDocument,
} from "@chatkeep/chat-store-core/backend";
import { after, nameOf } from "./keys.js";
import { Counts } from "./llamaindex-counts.js";
import { type Item, maxPayloadBytes, sizeOf, toItem, toPayload } from "./llamaindex-entity.js";
import { isBegun, isLive, itemOf, markerOf, noMarker, type Partition, place } from "./llamaindex-partition.js";
import type { AzureServiceMode } from "./options.js";
import { toText } from "./parts.js";
import { type Conditional, type Entity, patiently, quoted, type Requests } from "./requests.js";
import { numberOf, rowKeyOf } from "./row-keys.js";

// LlamaIndex Python's tables: a partition for each conversation with an entity for each message, which Python reads whole,
// and a row with its count in another table. No transaction reaches both, and any other entity beside the messages would be
// a message to Python. So the *first message's entity* is the anchor: each write of ours changes it in the same transaction,
// if its ETag is the one that was read. It holds what Python ignores:
//
//   chatkeep         the marker of the last writes
//   chatkeepPending  entities with this same value are being written and are not there yet
//   chatkeepFrom     messages before this RowKey, the anchor's own included, are gone
//   chatkeepEnd      all messages are gone
//
// The last three are for changes of more than one transaction: one transaction decides, and what follows is done in others,
// by whoever comes next when its writer died. Each of these has the anchor's ETag too, so that nobody who was given up on
// can go on.

/** "Performing entity group transactions": 100 entities, of which the anchor is one, and 4 MiB; Cosmos takes 2 MB. */
const usualLimits = {
  storage: { actions: 99, bytes: 3_900_000 },
  cosmos: { actions: 99, bytes: 1_900_000 },
} as const;

const mostRemembered = 1_000;

/** Begins the names of keys that can't be a PartitionKey as they are; Python can't have those. */
const nameMark = "~chatkeep~";
/** "Understanding the Table service data model", and RowKeys of Cosmos. */
const mostOfName = { storage: 512, cosmos: 255 } as const;

export type Conversation = StoredDocument<Item>;

/** What this process knows of a partition since its last read or write. */
interface Remembered {
  marker: string | undefined;
  anchor: { rowKey: string; etag: string };
  /** The last RowKey. */
  last: string;
}

export interface LlamaIndexTables {
  chat: Requests;
  metadata: Requests;
  metadataPartition: string;
  mode: AzureServiceMode;
  /** Of a transaction, beside the anchor: as many as the service takes when absent. */
  limits?: { actions: number; bytes: number } | undefined;
}

/** LlamaIndex Python's own layout, over the two tables of its `AzureChatStore` in the mode "storage". */
export class LlamaIndexLayout implements DocumentPort<Item, Conversation> {
  readonly maxPayloadBytes = maxPayloadBytes;
  readonly appendsUnseen = true;
  readonly expiryUnitMs = 1;
  readonly toItem = toItem;
  readonly toPayload = toPayload;
  readonly #tables: LlamaIndexTables;
  readonly #limits: NonNullable<LlamaIndexTables["limits"]>;
  /** Where conversations were read from: how far a change of several transactions has come is no part of what they are. */
  readonly #partitions = new WeakMap<Conversation, Partition>();
  readonly #remembered = new RecentMap<Remembered>(mostRemembered);
  readonly #counts: Counts;

  constructor(tables: LlamaIndexTables) {
    this.#tables = tables;
    this.#limits = tables.limits ?? usualLimits[tables.mode];
    this.#counts = new Counts(tables, {
      nameOf: (key) => this.#name(key),
      lastOf: async (key, context) => (await this.#load(key, context))?.items.at(-1)?.rowKey,
      isEmpty: (key, context) => this.#isEmpty(key, context),
    });
  }

  now(): number {
    return this.#tables.chat.now();
  }

  /** One request for each 1,000 messages, and one more when there are more. */
  async read(key: string, context: ReadContext): Promise<Conversation | undefined> {
    const partition = await this.#load(key, context);
    await this.#counts.catchUp(key, context);
    if (partition === undefined || isBegun(partition)) {
      this.#remembered.delete(key);
      return undefined;
    }
    const marker = markerOf(partition);
    this.#remember(key, marker, partition);
    const conversation = { items: partition.items, marker, expiresAt: undefined };
    this.#partitions.set(conversation, partition);
    return conversation;
  }

  /** One transaction, and one request for the count; more for more than 99 messages or 4 MB, and in the first write
   * of a conversation or a process. */
  async write(
    key: string,
    { change, items, marker }: DocumentWrite<Item>,
    expected: Expected<Conversation>,
    context: ReadContext,
  ): Promise<DocumentResult<Conversation>> {
    await this.#counts.prepare(key, context);
    if (change.kind === "append") {
      const known = this.#expected(key, expected);
      if (known !== undefined) {
        return this.#commit(key, context, () => this.#append(key, known, change.items, marker, context));
      }
    }
    const found = await this.#find(key, expected, context);
    if (found === "other" || (found !== undefined && !hasAll(found, items))) return { applied: false, sentOnce: true };
    const target = items ?? [...(found?.items ?? []), ...(change.kind === "append" ? change.items : [])];
    return this.#commit(key, context, () =>
      found === undefined
        ? this.#create(key, target, marker, context)
        : this.#change(key, found, target, marker, context),
    );
  }

  /** As a write that leaves nothing. */
  async delete(
    key: string,
    expected: Expected<Conversation>,
    context: ReadContext,
  ): Promise<DocumentResult<Conversation>> {
    await this.#counts.prepare(key, context);
    const found = await this.#find(key, expected, context);
    if (found === "other") return { applied: false, sentOnce: true };
    if (found === undefined) return { applied: true };
    return this.#commit(key, context, () => this.#end(key, found, noMarker, context));
  }

  /** Nothing expires in this layout. */
  async deleteExpired(): Promise<boolean> {
    return false;
  }

  /** One request for each 1,000 keys, and one for each key. */
  async list(
    prefix: string,
    limit: number,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ documents: ListedDocument[]; cursor?: string | undefined }> {
    if (!mayBeginKey(prefix)) return { documents: [] };
    const { metadata, metadataPartition } = this.#tables;
    // Names that are no keys are sorted apart.
    const byName = { from: nameMark, before: after(nameMark) };
    const ranges = /^[\w.-]+$/.test(prefix) ? [{ from: prefix, before: after(prefix) }, byName] : [];
    const page = await metadata.queryRanges(metadataPartition, ranges, { most: limit, cursor }, context);
    const documents: ListedDocument[] = [];
    await inParallel(page.entities, async ({ rowKey, chatkeepKey }) => {
      const key = toText(chatkeepKey) ?? String(rowKey);
      if (key.startsWith(prefix)) {
        documents.push({ key, empty: await this.#isEmpty(key, context), expiresAt: undefined });
      }
    });
    return { documents, cursor: page.cursor };
  }

  async #isEmpty(key: string, context: ReadContext): Promise<boolean> {
    const query = { filter: this.#inPartition(key), select: ["RowKey", "chatkeepEnd"] };
    // Where entities have no order, any of them may be the anchor.
    const most = this.#tables.mode === "storage" ? { most: 1 } : {};
    const { entities } = await this.#tables.chat.query({ ...query, ...most }, context);
    return entities.length === 0 || entities.some(({ chatkeepEnd }) => chatkeepEnd === true);
  }

  /** The whole partition, of one moment. */
  async #load(key: string, context: ReadContext): Promise<Partition | undefined> {
    for (;;) {
      const rows: Entity[] = [];
      let pages = 0;
      let cursor: string | undefined;
      do {
        const page = await this.#tables.chat.query({ filter: this.#inPartition(key), cursor }, context);
        rows.push(...page.entities);
        cursor = page.cursor;
        pages++;
      } while (cursor !== undefined);
      rows.sort((a, b) => (String(a.rowKey) < String(b.rowKey) ? -1 : 1));
      const [entity] = rows;
      if (entity === undefined) return undefined;
      const anchor = { rowKey: String(entity.rowKey), etag: String(entity.etag), entity };
      // Each write of ours changes the anchor, so that pages between which it stayed the same are of one moment.
      if (pages > 1) {
        const now = await this.#tables.chat.get({ partitionKey: this.#name(key), rowKey: anchor.rowKey }, context);
        if (now?.etag !== anchor.etag) continue;
      }
      return { anchor, rows, items: rows.filter((row) => isLive(row, entity)).map(itemOf) };
    }
  }

  /** What is there, if it is what was expected; undefined when that is nothing, tidied up when somebody left it half done. */
  async #find(
    key: string,
    expected: Expected<Conversation>,
    context: ReadContext,
  ): Promise<Partition | undefined | "other"> {
    const given =
      typeof expected === "object" && "document" in expected ? this.#partitions.get(expected.document) : undefined;
    const partition = given ?? (await this.#load(key, context));
    if (expected === "nothing" && (partition === undefined || !isBegun(partition))) {
      return partition === undefined ? undefined : "other";
    }
    if (partition === undefined) return "other";
    if (expected !== "nothing" && "marker" in expected && markerOf(partition) !== expected.marker) return "other";
    const tidied = await this.#tidy(key, partition, context);
    if (tidied === "ended") return undefined;
    return tidied ?? "other";
  }

  /** What is remembered of a partition, if it is what was expected and nothing is half done. */
  #expected(key: string, expected: Expected<Conversation>): Remembered | undefined {
    const known = this.#remembered.get(key);
    if (typeof expected !== "object" || known === undefined) return undefined;
    if ("document" in expected) {
      const partition = this.#partitions.get(expected.document);
      return partition !== undefined && known.anchor.etag === partition.anchor.etag ? known : undefined;
    }
    return known.marker === expected.marker ? known : undefined;
  }

  async #create(key: string, items: readonly Item[], marker: string, context: ReadContext): Promise<Conditional> {
    const [first, ...others] = items;
    if (first === undefined) return { applied: true, etag: undefined };
    const anchorKey = rowKeyOf(0);
    const fresh = others.map((item, i) => this.#entity(key, rowKeyOf(i + 1), item));
    const entity = this.#entity(key, anchorKey, first);
    if (this.#fits([entity, ...fresh])) {
      const rows = [{ ...entity, chatkeep: marker }, ...fresh];
      const actions = rows.map((each): TransactionAction => ["create", each]);
      const result = await this.#tables.chat.transact(actions, context);
      if (result.applied) this.#rememberLast(key, marker, anchorKey, result.etag, rowKeyOf(others.length));
      return result;
    }
    // Alone it has nothing to show: until the rest is there the conversation has ended.
    const result = await this.#tables.chat.transact([["create", { ...entity, chatkeepEnd: true }]], context);
    if (!result.applied || result.etag === undefined) return { applied: false, once: false };
    return this.#stage(
      key,
      { rowKey: anchorKey, etag: result.etag },
      fresh,
      { chatkeep: marker, chatkeepEnd: false },
      context,
    );
  }

  async #append(
    key: string,
    { anchor, last }: Remembered,
    items: readonly Item[],
    marker: string,
    context: ReadContext,
  ): Promise<Conditional> {
    const next = numberOf(last) + 1;
    const fresh = items.map((item, i) => this.#entity(key, rowKeyOf(next + i), item));
    return this.#stage(key, anchor, fresh, { chatkeep: marker }, context);
  }

  /** Makes the messages of a partition those that are wanted. */
  async #change(
    key: string,
    partition: Partition,
    items: readonly Item[],
    marker: string,
    context: ReadContext,
  ): Promise<Conditional> {
    const [first] = items;
    if (first === undefined) return this.#end(key, partition, marker, context);
    const { anchor, rows, items: there } = partition;
    const old = new Map(rows.map((row) => [String(row.rowKey), row]));
    const placed = place(items, anchor.rowKey);
    const wanted = new Map(placed.map((rowKey, i) => [rowKey, items[i] as Item]));

    const written: NewRow[] = [];
    for (const [rowKey, item] of wanted) {
      if (rowKey !== anchor.rowKey && item.rowKey !== rowKey) written.push(this.#entity(key, rowKey, item));
    }
    const deleted = [...old.keys()].filter((rowKey) => !wanted.has(rowKey));
    const mark = { chatkeep: marker };
    const moved = first.rowKey !== anchor.rowKey;
    const marked = moved
      ? this.#entity(key, anchor.rowKey, first)
      : this.#entity(key, anchor.rowKey, { properties: mark });
    if (this.#fits([...written, marked], deleted.length)) {
      const actions = [
        moved ? this.#anchorReplaced(key, anchor, first, mark) : this.#anchorMarked(key, anchor, mark),
        ...written.map((entity): TransactionAction => ["upsert", entity, "Replace"]),
        ...deleted.map((rowKey): TransactionAction => ["delete", { partitionKey: this.#name(key), rowKey }]),
      ];
      const result = await this.#tables.chat.transact(actions, context);
      if (result.applied) this.#rememberLast(key, marker, anchor.rowKey, result.etag, placed.at(-1) ?? anchor.rowKey);
      return result;
    }
    // More than one transaction takes: what is kept stays where it is, what is new goes behind everything, and what comes
    // before is declared gone.
    const kept = items.filter(({ rowKey }) => rowKey !== undefined);
    const next = numberOf(String(rows.at(-1)?.rowKey)) + 1;
    const tail = there.slice(there.length - kept.length);
    const isTail = kept.every((item, i) => items[i] === item && tail[i]?.rowKey === item.rowKey);
    if (!isTail) throw chatStoreError("MESSAGE_TOO_LARGE", "The change is larger than one transaction of the service.");
    const fresh = items.slice(kept.length).map((item, i) => this.#entity(key, rowKeyOf(next + i), item));
    const from = kept[0]?.rowKey ?? rowKeyOf(next);
    const shown = from === anchor.rowKey ? mark : { ...mark, chatkeepFrom: from };
    return this.#stage(key, anchor, fresh, shown, context);
  }

  /** All messages are gone from now on. */
  async #end(key: string, { anchor }: Partition, marker: string, context: ReadContext): Promise<Conditional> {
    // With another marker than before: whoever has read the messages must not take this for what they read.
    const mark = { chatkeep: marker, chatkeepEnd: true };
    return this.#tables.chat.transact([this.#anchorMarked(key, anchor, mark)], context);
  }

  /** Adds entities behind the others, and marks the anchor with the last of them: then all are there at once. */
  async #stage(
    key: string,
    anchor: Remembered["anchor"],
    fresh: readonly NewRow[],
    mark: Record<string, unknown>,
    context: ReadContext,
  ): Promise<Conditional> {
    const parts = this.#batches(fresh);
    const chatkeepPending = parts.length > 1 ? crypto.randomUUID() : "";
    let { etag } = anchor;
    for (const part of parts.slice(0, -1)) {
      const actions = [
        this.#anchorMarked(key, { ...anchor, etag }, { chatkeepPending }),
        ...part.map((entity): TransactionAction => ["create", { ...entity, chatkeepPending }]),
      ];
      const result = await patiently(context, () => this.#tables.chat.transact(actions, context));
      if (!result.applied || result.etag === undefined) {
        return { applied: false, once: result.applied === false && result.once };
      }
      etag = result.etag;
    }
    const pending = chatkeepPending === "" ? {} : { chatkeepPending };
    const actions = [
      this.#anchorMarked(key, { ...anchor, etag }, chatkeepPending === "" ? mark : { ...mark, chatkeepPending: "" }),
      ...(parts.at(-1) ?? []).map((entity): TransactionAction => ["create", { ...entity, ...pending }]),
    ];
    const result = await this.#tables.chat.transact(actions, context);
    const last = fresh.at(-1)?.rowKey;
    if (result.applied && last !== undefined && !("chatkeepFrom" in mark)) {
      this.#rememberLast(key, String(mark.chatkeep), anchor.rowKey, result.etag, last);
    }
    return result;
  }

  /**
   * Finishes or takes back what was left half done. The partition itself when nothing was, "ended" when nothing is left, and
   * undefined when it has to be read anew: it is another one now, and may have been changed since.
   */
  async #tidy(key: string, partition: Partition, context: ReadContext): Promise<Partition | "ended" | undefined> {
    const { anchor, rows, items } = partition;
    const { chatkeepPending, chatkeepFrom, chatkeepEnd, chatkeep } = anchor.entity;
    const ended = chatkeepEnd === true;
    const isMoved = typeof chatkeepFrom === "string" && chatkeepFrom !== "";
    const isPending = typeof chatkeepPending === "string" && chatkeepPending !== "";
    if (!ended && !isMoved && !isPending) return partition;

    const live = new Set(items.map(({ rowKey }) => rowKey));
    const dead = rows.slice(1).flatMap(({ rowKey }) => (live.has(String(rowKey)) ? [] : [String(rowKey)]));
    let { etag } = anchor;
    const partitionKey = this.#name(key);
    const deletion = (rowKey: string): TransactionAction => ["delete", { partitionKey, rowKey }];
    for (const part of batches(dead, { count: this.#limits.actions, bytes: Number.POSITIVE_INFINITY }, () => 0)) {
      // Whatever it says now, with a new ETag.
      const touched = this.#anchorMarked(key, { ...anchor, etag }, { chatkeepEnd: ended });
      const deletions = [touched, ...part.map(deletion)];
      const result = await patiently(context, () => this.#tables.chat.transact(deletions, context));
      if (!result.applied || result.etag === undefined) return undefined;
      etag = result.etag;
    }
    if (ended) {
      const { applied } = await this.#tables.chat.delete({ partitionKey, rowKey: anchor.rowKey }, etag, context);
      return applied ? "ended" : undefined;
    }
    const mark = chatkeep === undefined ? {} : { chatkeep };
    const [first] = items;
    const actions =
      isMoved && first !== undefined
        ? [this.#anchorReplaced(key, { ...anchor, etag }, first, mark), deletion(first.rowKey)]
        : [this.#anchorMarked(key, { ...anchor, etag }, { chatkeepPending: "" })];
    await this.#tables.chat.transact(actions, context);
    return undefined;
  }

  /** Runs what decides, and does what follows from it. */
  async #commit(
    key: string,
    context: ReadContext,
    decide: () => Promise<Conditional>,
  ): Promise<DocumentResult<Conversation>> {
    this.#remembered.delete(key);
    let result: Conditional;
    try {
      result = await decide();
    } catch (error) {
      this.#counts.doubt(key);
      throw error;
    }
    if (!result.applied) return { applied: false, sentOnce: result.once };
    // A read that was under way may have remembered what it found before.
    const remembered = this.#remembered.get(key);
    const known = remembered?.anchor.etag === result.etag ? remembered : undefined;
    this.#counts.doubt(key);
    try {
      if (known === undefined) {
        const partition = await this.#load(key, context);
        if (partition !== undefined) await this.#tidy(key, partition, context);
        await this.#counts.recount(key, context);
      } else await this.#counts.write(key, known.last, context);
    } catch {
      // The write is done. Who reads or writes the conversation next sees to what is left.
    }
    return { applied: true };
  }

  #anchorMarked(key: string, { rowKey, etag }: Remembered["anchor"], mark: Record<string, unknown>): TransactionAction {
    return ["update", { partitionKey: this.#name(key), rowKey, ...mark }, "Merge", { etag }];
  }

  #anchorReplaced(
    key: string,
    { rowKey, etag }: Remembered["anchor"],
    item: Item,
    mark: Record<string, unknown>,
  ): TransactionAction {
    return ["update", { ...this.#entity(key, rowKey, item), ...mark }, "Replace", { etag }];
  }

  #entity(key: string, rowKey: string, { properties }: Item): NewRow {
    return { ...properties, partitionKey: this.#name(key), rowKey };
  }

  #fits(rows: readonly NewRow[], others = 0): boolean {
    return rows.length + others <= this.#limits.actions && this.#batches(rows).length <= 1;
  }

  #batches(rows: readonly NewRow[]): NewRow[][] {
    const { actions, bytes } = this.#limits;
    return batches(rows, { count: actions, bytes }, sentBytes);
  }

  #inPartition(key: string): string {
    return `PartitionKey eq ${quoted(this.#name(key))}`;
  }

  /** The key as it is, where Python could have it. */
  #name(key: string): string {
    const most = mostOfName[this.#tables.mode];
    const fits = this.#tables.mode === "storage" ? key.length <= most : Buffer.byteLength(key) <= most;
    if (fits && !/[/\\#?\p{Cc}]/u.test(key) && !key.startsWith(nameMark)) return key;
    return `${nameMark}${nameOf(key, most - nameMark.length).name}`;
  }

  #remember(key: string, marker: string | undefined, { anchor, items }: Partition): void {
    const { chatkeepPending, chatkeepFrom, chatkeepEnd } = anchor.entity;
    const last = items.at(-1)?.rowKey;
    this.#remembered.delete(key);
    if (last === undefined || chatkeepPending || chatkeepFrom || chatkeepEnd) return;
    this.#remembered.set(key, { marker, anchor: { rowKey: anchor.rowKey, etag: anchor.etag }, last });
  }

  #rememberLast(key: string, marker: string, rowKey: string, etag: string | undefined, last: string): void {
    if (etag !== undefined) this.#remembered.set(key, { marker, anchor: { rowKey, etag }, last });
  }
}

/** Whether messages are where they were: who tidies up moves the first, and leaves the marker. */
function hasAll(partition: Partition, items: readonly Item[] = []): boolean {
  const rowKeys = new Set(partition.items.map(({ rowKey }) => rowKey));
  return items.every(({ rowKey }) => rowKey === undefined || rowKeys.has(rowKey));
}

type NewRow = Entity & { partitionKey: string; rowKey: string };

/** What an entity may take in a request: its quotes are escaped, and the action has headers. */
function sentBytes(row: NewRow): number {
  return 2_000 + sizeOf(row);
}
