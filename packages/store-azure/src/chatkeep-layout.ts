import type { TransactionAction } from "@azure/data-tables";
import {
  batches,
  type CasResult,
  chatStoreError,
  distinctRows,
  type HeadPort,
  inParallel,
  type ListedHead,
  lastPart,
  mayBeginKey,
  type PortLimits,
  type ReadContext,
  RecentMap,
  type Row,
  type RowAddress,
  type RowRange,
  type StoredHead,
} from "@chatkeep/chat-store-core/backend";
import { Refused } from "./explain.js";
import { nameOf, nameRanges } from "./keys.js";
import type { AzureServiceMode } from "./options.js";
import { fromParts, toParts, toText } from "./parts.js";
import { type Entity, type EntityKey, type NewEntity, patiently, quoted, type Requests } from "./requests.js";
import { headRow, parseRowId, rowIdOf, sourceName } from "./row-ids.js";

// One partition for each conversation, with its head and its rows, so that a message and the head that names it are
// written by one transaction; and one partition with the keys.

/** Holds an entity for each key. No conversation's partition has this name. */
const keysPartition = "keys";

/** "Understanding the Table service data model": a key has at most 1 KiB, of two bytes a character. */
const mostOfPartitionKey = 512;
/** Cosmos DB for Table: a RowKey has at most 255 bytes. The same on Table Storage, so that tables can be moved. */
const mostOfRowKey = 255;

/** "Performing entity group transactions": 100 entities, and 4 MiB; Cosmos takes 2 MB. */
const mostActions = 100;
const transactionBytes = { storage: 3_900_000, cosmos: 1_900_000 } as const;
/** What an action weighs besides its text: keys, names, headers, and the boundary before it. */
const actionBytes = 2_000;

/** An entity of the keys may go this long after it was written last: no call goes on that long, nor a request. */
const dayMs = 24 * 60 * 60 * 1000;

/** Conversations of which the head's ETag is remembered: as many as the protocol remembers heads. */
const mostEtags = 1_000;

const limits: PortLimits = {
  // An entity has at most 1 MiB, and so has the body of its request, where Binary is base64. A row and its head fit a
  // transaction of Cosmos.
  rowBytes: 700_000,
  inlineBytes: 700_000,
  rowsWithHead: mostActions - 1,
};

/** The head protocol's port on one table. */
export class ChatkeepLayout implements HeadPort {
  readonly limits = limits;
  readonly readNewest: HeadPort["readNewest"];
  readonly #requests: Requests;
  readonly #mode: AzureServiceMode;
  /** The ETag under which this process wrote or read a head, which is known to the protocol by its token. */
  readonly #etags = new RecentMap<{ token: string; etag: string }>(mostEtags);

  constructor(requests: Requests, mode: AzureServiceMode) {
    this.#requests = requests;
    this.#mode = mode;
    this.readNewest = mode === "storage" ? (...query) => this.#readNewest(...query) : undefined;
  }

  now(): number {
    return this.#requests.now();
  }

  /** One request. */
  async readHead(key: string, context: ReadContext): Promise<StoredHead | undefined> {
    return this.#takeHead(key, await this.#requests.get({ partitionKey: partitionOf(key), rowKey: headRow }, context));
  }

  #takeHead(key: string, entity: Entity | undefined): StoredHead | undefined {
    const head = headOf(entity, key);
    this.#noteEtag(key, head?.token, entity?.etag);
    return head;
  }

  /** One request; two when there is no such conversation. */
  async #readNewest(
    key: string,
    limit: number,
    context: ReadContext,
  ): Promise<{ head: StoredHead | undefined; rows: Row[] }> {
    const most = 1 + limit;
    const { entities } = await this.#requests.query({ filter: inPartition(partitionOf(key)), most }, context);
    const entity = entities.find(({ rowKey }) => rowKey === headRow);
    if (entity === undefined) return { head: await this.readHead(key, context), rows: [] };
    return { head: this.#takeHead(key, entity), rows: entities.flatMap((each) => rowOf(each) ?? []) };
  }

  /**
   * One transaction. One request more for the first message of a key, which is noted among the keys before, and for a head
   * of which this process does not know the ETag.
   */
  async casHead(
    key: string,
    head: StoredHead,
    expected: string | undefined,
    rows: readonly Row[],
    context: ReadContext,
  ): Promise<CasResult> {
    const entity = headEntity(key, head);
    const etag = expected === undefined ? undefined : await this.#etagOf(key, expected, context);
    if (expected === undefined) await this.#requests.upsert(keyEntity(key), context);
    else if (etag === undefined) return { applied: false, sentOnce: true };
    const swap: TransactionAction = etag === undefined ? ["create", entity] : ["update", entity, "Replace", { etag }];
    const result = await this.#requests.transact([swap, ...rows.map((row) => putRow(key, row))], context);
    this.#noteEtag(key, head.token, result.applied ? result.etag : undefined);
    return result.applied ? { applied: true } : { applied: false, sentOnce: result.once };
  }

  /** One request, or two. The entity among the keys stays until it is a day old: see `listHeads`. */
  async deleteHead(key: string, expected: string, context: ReadContext): Promise<boolean> {
    const etag = await this.#etagOf(key, expected, context);
    if (etag === undefined) return false;
    this.#etags.delete(key);
    return (await this.#requests.delete({ partitionKey: partitionOf(key), rowKey: headRow }, etag, context)).applied;
  }

  /** One transaction for 100 rows, or 4 MB of them (2 MB on Cosmos). */
  async putRows(key: string, rows: readonly Row[], context: ReadContext): Promise<void> {
    const bytes = transactionBytes[this.#mode];
    await inParallel(batches(distinctRows(rows), { count: mostActions, bytes }, sentBytes), async (batch) => {
      const actions = batch.map((row) => putRow(key, row));
      const { applied } = await patiently(context, () => this.#requests.transact(actions, context));
      if (!applied) throw new Refused();
    });
  }

  /** One request for each range, more when it has more than 1,000 rows or the service cuts it. */
  async readRows(key: string, ranges: readonly RowRange[], context: ReadContext): Promise<Row[]> {
    const rows: Row[] = [];
    await inParallel(ranges, async ({ source, from, to }) => {
      if (from >= to) return;
      const first = rowIdOf({ source, index: to - 1, part: 0 });
      const last = rowIdOf({ source, index: from, part: lastPart });
      const filter = `${inPartition(partitionOf(key))} and RowKey ge ${quoted(first)} and RowKey le ${quoted(last)}`;
      for await (const entity of this.#all(filter, context)) {
        const row = rowOf(entity);
        if (row !== undefined) rows.push(row);
      }
    });
    return rows;
  }

  /** One request for each 1,000 rows. */
  async listRows(
    key: string,
    source: string | undefined,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ addresses: RowAddress[]; cursor?: string | undefined }> {
    // Behind the name of a source come digits only, and `:` is above them.
    const name = source && `${sourceName(source)}~`;
    const range = name === undefined ? "" : ` and RowKey ge ${quoted(name)} and RowKey lt ${quoted(`${name}:`)}`;
    const query = { filter: `${inPartition(partitionOf(key))}${range}`, select: ["RowKey"], cursor };
    const page = await this.#requests.query(query, context);
    return { addresses: page.entities.flatMap(({ rowKey }) => parseRowId(rowKey) ?? []), cursor: page.cursor };
  }

  /** One transaction for 100 rows; when one of them is gone already, one request for each. */
  async deleteRows(key: string, addresses: readonly RowAddress[], context: ReadContext): Promise<void> {
    const partitionKey = partitionOf(key);
    const deletions = distinctRows(addresses).map(
      (address): TransactionAction => ["delete", { partitionKey, rowKey: rowIdOf(address) }],
    );
    await inParallel(
      batches(deletions, { count: mostActions, bytes: Number.POSITIVE_INFINITY }, () => 0),
      async (batch) => {
        const { applied } = await patiently(context, () => this.#requests.transact(batch, context));
        if (applied || batch.length === 1) return;
        await inParallel(batch, async (deletion) => void (await this.#requests.transact([deletion], context)));
      },
    );
  }

  /**
   * One request for each 1,000 keys, and one for the head of each. A key's entity is written before its first head, and
   * again before any later first one; so one that is a day old and has no head belongs to no head that is to come, and is
   * deleted when it is met here.
   */
  async listHeads(
    options: { prefix: string; limit: number; cursor: string | undefined; ended: boolean },
    context: ReadContext,
  ): Promise<{ heads: ListedHead[]; cursor?: string | undefined }> {
    const { prefix, limit, cursor, ended } = options;
    if (!mayBeginKey(prefix)) return { heads: [] };
    const ranges = nameRanges(prefix, mostOfRowKey);
    const page = await this.#requests.queryRanges(keysPartition, ranges, { most: limit, cursor }, context);
    const heads: ListedHead[] = [];
    await inParallel(page.entities, async (entity) => {
      const key = toText(entity.Key);
      if (key === undefined || !key.startsWith(prefix)) return;
      const head = await this.readHead(key, context);
      if (head !== undefined) heads.push({ key, head });
      else if (ended) {
        heads.push({ key, head: lost });
        await this.#forgetKey(key, entity, context);
      }
    });
    return { heads, cursor: page.cursor };
  }

  async close(): Promise<void> {}

  async #forgetKey(key: string, { timestamp, etag }: Entity, context: ReadContext): Promise<void> {
    const written = Date.parse(String(timestamp));
    if (!(written + dayMs < this.now())) return;
    const { partitionKey, rowKey } = keyEntity(key);
    await this.#requests.delete({ partitionKey, rowKey }, String(etag), context);
  }

  async *#all(filter: string, context: ReadContext): AsyncGenerator<Entity> {
    let cursor: string | undefined;
    do {
      const page = await this.#requests.query({ filter, cursor }, context);
      yield* page.entities;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** The ETag of the head with this token; undefined when the head is another one by now. */
  async #etagOf(key: string, token: string, context: ReadContext): Promise<string | undefined> {
    const known = () => {
      const noted = this.#etags.get(key);
      return noted?.token === token ? noted.etag : undefined;
    };
    if (known() === undefined) await this.readHead(key, context);
    return known();
  }

  #noteEtag(key: string, token: string | undefined, etag: unknown): void {
    if (token !== undefined && typeof etag === "string") this.#etags.set(key, { token, etag });
    else this.#etags.delete(key);
  }
}

/** Stands for the head of a conversation of which only rows may be left. */
const lost: StoredHead = { token: "", count: 0, expiresAt: undefined, writtenAt: 0, text: "" };

function partitionOf(key: string): string {
  return nameOf(key, mostOfPartitionKey).name;
}

function inPartition(partitionKey: string): string {
  return `PartitionKey eq ${quoted(partitionKey)}`;
}

function keyEntity(key: string): NewEntity {
  return { partitionKey: keysPartition, rowKey: nameOf(key, mostOfRowKey).name, Key: Buffer.from(key) };
}

function headEntity(key: string, { token, count, expiresAt, writtenAt, text }: StoredHead): NewEntity {
  const { name, hashed } = nameOf(key, mostOfPartitionKey);
  return {
    partitionKey: name,
    rowKey: headRow,
    ...(hashed ? { Key: Buffer.from(key) } : {}),
    Token: token,
    Count: count,
    // A number without a type is one of 32 bits.
    WrittenAt: BigInt(Math.floor(writtenAt)),
    ...(expiresAt === undefined ? {} : { ExpiresAt: BigInt(Math.ceil(expiresAt)) }),
    ...toParts(text),
  };
}

function headOf(entity: Entity | undefined, key: string): StoredHead | undefined {
  if (entity === undefined) return undefined;
  const { Token: token, Count: count, WrittenAt: writtenAt, ExpiresAt: expiresAt, Key: stored } = entity;
  const text = fromParts(entity);
  const foreign = stored !== undefined && toText(stored) !== key;
  if (typeof token !== "string" || text === undefined || foreign) {
    const problem = foreign ? "is another key's, with the same hash" : "can't be read";
    throw chatStoreError("CORRUPT_MESSAGE", `The head of this conversation ${problem}.`, { key });
  }
  return {
    token,
    count: Number(count ?? 0),
    expiresAt: expiresAt === undefined ? undefined : Number(expiresAt),
    writtenAt: Number(writtenAt ?? 0),
    text,
  };
}

function putRow(key: string, row: Row): TransactionAction {
  const entity: NewEntity = { ...entityKey(key, row), ...toParts(row.body) };
  if (row.parts !== 1) entity.Parts = row.parts;
  if (row.origin !== undefined) entity.Origin = row.origin;
  // One that is there already has the same content.
  return ["upsert", entity, "Replace"];
}

function entityKey(key: string, address: RowAddress): EntityKey {
  return { partitionKey: partitionOf(key), rowKey: rowIdOf(address) };
}

function rowOf(entity: Entity): Row | undefined {
  const address = parseRowId(entity.rowKey);
  const body = fromParts(entity);
  if (address === undefined || body === undefined) return undefined;
  const { Parts: parts, Origin: origin } = entity;
  return { ...address, parts: Number(parts ?? 1), origin: typeof origin === "string" ? origin : undefined, body };
}

/** Of an action with this row, at most: Binary is sent as base64. */
function sentBytes({ body }: Row): number {
  return actionBytes + Math.ceil(Math.min(body.length * 3, limits.rowBytes) / 3) * 4;
}
