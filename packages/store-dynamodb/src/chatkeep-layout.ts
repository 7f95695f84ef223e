import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import {
  type CasResult,
  distinctRows,
  type HeadPort,
  inParallel,
  type ListedHead,
  lastPart,
  mayBeginKey,
  type PortLimits,
  parseRowId,
  type ReadContext,
  type Row,
  type RowAddress,
  type RowRange,
  rowIdOf,
  type StoredHead,
} from "@chatkeep/chat-store-core/backend";
import type { Item, Requests } from "./requests.js";
import { headAttributes, indexName, rowKey, shardAttribute } from "./table.js";

// One partition per conversation. Its head is at the sort key `~`, behind all rows; a row is at source~index~part with
// fixed widths, so that a range of messages is one Query. The head alone is in the index of keys, and has a TTL.

/** The sort key of a head. Sources hold no character above it, and rows begin with their source. */
const headRow = "~";

/** Partitions of the index of keys: as many times 1,000 new conversations a second may begin. */
const shards = 8;

/**
 * An expired or ended head is the service's to delete this long after: longer than any request can be on its way, and time for
 * `purgeExpired()`, which finds rows by their head.
 */
const weekMs = 7 * 24 * 60 * 60 * 1000;

/** Rows that come with a head at most. */
const mostNewest = 1_000;

const limits: PortLimits = {
  // 400 KB is the most of an item with its keys and names; a larger row is no cheaper, and a smaller one is sent sooner.
  rowBytes: 300_000,
  // A head is paid for by its size before and after each write: a message in it costs three times what one beside it does.
  inlineBytes: 4_096,
  // A transaction costs twice the units of its writes.
  rowsWithHead: 0,
};

export interface TableNames {
  primaryKey: string;
  ttlAttribute: string;
}

/** The head protocol's port on one table with partition and sort key. */
export class ChatkeepLayout implements HeadPort {
  readonly limits = limits;
  readonly #requests: Requests;
  readonly #names: TableNames;

  constructor(requests: Requests, names: TableNames) {
    this.#requests = requests;
    this.#names = names;
  }

  now(): number {
    return this.#requests.now();
  }

  /** One GetItem. */
  async readHead(key: string, context: ReadContext): Promise<StoredHead | undefined> {
    return headOf(await this.#requests.get(this.#key(key, headRow), context));
  }

  /** One Query, backwards: the head is behind all rows, and the newest row right before it. */
  async readNewest(
    key: string,
    limit: number,
    context: ReadContext,
  ): Promise<{ head: StoredHead | undefined; rows: Row[] }> {
    const page = await this.#requests.query(
      {
        ConsistentRead: true,
        ScanIndexForward: false,
        KeyConditionExpression: "#key = :key AND #row <= :head",
        ExpressionAttributeNames: { "#key": this.#names.primaryKey, "#row": rowKey },
        ExpressionAttributeValues: { ":key": { S: key }, ":head": { S: headRow } },
        Limit: 1 + Math.min(limit, mostNewest),
      },
      context,
    );
    const [first, ...others] = page.Items ?? [];
    // Without a head the rows are leftovers.
    if (first?.[rowKey]?.S !== headRow) return { head: undefined, rows: [] };
    return { head: headOf(first), rows: others.flatMap((item) => rowOf(item) ?? []) };
  }

  /** One PutItem. */
  async casHead(
    key: string,
    head: StoredHead,
    expected: string | undefined,
    _rows: readonly Row[],
    context: ReadContext,
  ): Promise<CasResult> {
    const result = await this.#requests.put(
      { Item: { ...this.#key(key, headRow), ...this.#headItem(key, head) }, ...this.#ifToken(expected) },
      context,
    );
    if (result.applied) return result;
    const current = headOf(result.item);
    // Refused because it had been applied: the SDK or the network sent it twice.
    if (current?.token === head.token) return { applied: true };
    return { applied: false, current, sentOnce: result.once };
  }

  /** One DeleteItem. */
  async deleteHead(key: string, expected: string, context: ReadContext): Promise<boolean> {
    const condition = { Key: this.#key(key, headRow), ...this.#ifToken(expected) };
    return (await this.#requests.delete(condition, context)).applied;
  }

  /** One BatchWriteItem for 25 rows, or 2 MB. */
  async putRows(key: string, rows: readonly Row[], context: ReadContext): Promise<void> {
    await this.#requests.writeMany(
      distinctRows(rows),
      (row) => {
        const item: Item = { ...this.#key(key, rowIdOf(row)), Body: { S: row.body } };
        if (row.parts !== 1) item.Parts = { N: String(row.parts) };
        if (row.origin !== undefined) item.Origin = { S: row.origin };
        return { request: { PutRequest: { Item: item } }, bytes: Math.min(row.body.length * 3, limits.rowBytes) };
      },
      context,
    );
  }

  /** One Query for each range, more when it has more than 1 MB. */
  async readRows(key: string, ranges: readonly RowRange[], context: ReadContext): Promise<Row[]> {
    const rows: Row[] = [];
    await inParallel(ranges, async ({ source, from, to }) => {
      if (from >= to) return;
      let cursor: Item | undefined;
      do {
        const page = await this.#requests.query(
          {
            ConsistentRead: true,
            KeyConditionExpression: "#key = :key AND #row BETWEEN :from AND :to",
            ExpressionAttributeNames: { "#key": this.#names.primaryKey, "#row": rowKey },
            ExpressionAttributeValues: {
              ":key": { S: key },
              ":from": { S: rowIdOf({ source, index: from, part: 0 }) },
              ":to": { S: rowIdOf({ source, index: to - 1, part: lastPart }) },
            },
            ExclusiveStartKey: cursor,
          },
          context,
        );
        for (const item of page.Items ?? []) {
          const row = rowOf(item);
          if (row !== undefined) rows.push(row);
        }
        cursor = page.LastEvaluatedKey;
      } while (cursor !== undefined);
    });
    return rows;
  }

  /** One Query for each 1 MB. */
  async listRows(
    key: string,
    source: string | undefined,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ addresses: RowAddress[]; cursor?: string | undefined }> {
    const range = source === undefined ? "#row < :head" : "#row BETWEEN :from AND :to";
    const bounds: Item =
      source === undefined
        ? { ":head": { S: headRow } }
        : { ":from": { S: `${source}~` }, ":to": { S: `${source}~~` } };
    const page = await this.#requests.query(
      {
        ConsistentRead: true,
        KeyConditionExpression: `#key = :key AND ${range}`,
        ProjectionExpression: "#row",
        ExpressionAttributeNames: { "#key": this.#names.primaryKey, "#row": rowKey },
        ExpressionAttributeValues: { ":key": { S: key }, ...bounds },
        ExclusiveStartKey: cursor === undefined ? undefined : this.#key(key, cursor),
      },
      context,
    );
    const addresses = (page.Items ?? []).flatMap((item) => parseRowId(item[rowKey]?.S) ?? []);
    return { addresses, cursor: page.LastEvaluatedKey?.[rowKey]?.S };
  }

  /** One BatchWriteItem for 25 rows. */
  async deleteRows(key: string, addresses: readonly RowAddress[], context: ReadContext): Promise<void> {
    await this.#requests.writeMany(
      distinctRows(addresses),
      (address) => ({ request: { DeleteRequest: { Key: this.#key(key, rowIdOf(address)) } }, bytes: 0 }),
      context,
    );
  }

  /** A Query of the index for each shard or 1 MB of keys, and a BatchGetItem for each 100 heads. */
  async listHeads(
    { prefix, limit, cursor }: { prefix: string; limit: number; cursor: string | undefined },
    context: ReadContext,
  ): Promise<{ heads: ListedHead[]; cursor?: string | undefined }> {
    if (!mayBeginKey(prefix)) return { heads: [] };
    let [shard, after] = parseKeyCursor(cursor);
    const keys: string[] = [];
    while (shard < shards && keys.length < limit) {
      const page = await this.#requests.query(
        {
          IndexName: indexName,
          KeyConditionExpression: `#shard = :shard${prefix === "" ? "" : " AND begins_with(#key, :prefix)"}`,
          ExpressionAttributeNames: {
            "#shard": shardAttribute,
            ...(prefix === "" ? {} : { "#key": this.#names.primaryKey }),
          },
          ExpressionAttributeValues: {
            ":shard": { S: String(shard) },
            ...(prefix === "" ? {} : { ":prefix": { S: prefix } }),
          },
          Limit: limit - keys.length,
          ExclusiveStartKey:
            after === undefined ? undefined : { ...this.#key(after, headRow), [shardAttribute]: { S: String(shard) } },
        },
        context,
      );
      keys.push(...(page.Items ?? []).flatMap((item) => item[this.#names.primaryKey]?.S ?? []));
      after = page.LastEvaluatedKey?.[this.#names.primaryKey]?.S;
      if (page.LastEvaluatedKey === undefined) shard++;
    }
    const heads = await this.#requests.getMany(
      keys.map((key) => this.#key(key, headRow)),
      context,
    );
    return {
      heads: heads.flatMap((item) => this.#listed(item) ?? []),
      cursor: shard < shards ? `${shard}/${after ?? ""}` : undefined,
    };
  }

  /**
   * Reads the table as it is stored, 1 MB a request. Where a page ends amid a conversation, that may be told of although it
   * has a head on the next one.
   */
  async listLost(cursor: string | undefined, context: ReadContext): Promise<{ keys: string[]; cursor?: string }> {
    const [startKey, startRow] = cursor === undefined ? [] : (JSON.parse(cursor) as string[]);
    const page = await this.#requests.scan(
      {
        ConsistentRead: true,
        ProjectionExpression: "#key, #row",
        ExpressionAttributeNames: { "#key": this.#names.primaryKey, "#row": rowKey },
        ExclusiveStartKey: startKey === undefined || startRow === undefined ? undefined : this.#key(startKey, startRow),
      },
      context,
    );
    // A conversation's head comes right behind its rows.
    const keys = new Set<string>();
    for (const item of page.Items ?? []) {
      const key = item[this.#names.primaryKey]?.S ?? "";
      if (item[rowKey]?.S === headRow) keys.delete(key);
      else if (parseRowId(item[rowKey]?.S) !== undefined && key !== startKey) keys.add(key);
    }
    const last = page.LastEvaluatedKey;
    const next = last && JSON.stringify([last[this.#names.primaryKey]?.S, last[rowKey]?.S]);
    return { keys: [...keys], ...(next === undefined ? {} : { cursor: next }) };
  }

  async close(): Promise<void> {}

  #listed(item: Item): ListedHead | undefined {
    const key = item[this.#names.primaryKey]?.S;
    const head = headOf(item);
    return key === undefined || head === undefined ? undefined : { key, head };
  }

  #key(key: string, row: string): Item {
    return { [this.#names.primaryKey]: { S: key }, [rowKey]: { S: row } };
  }

  #headItem(key: string, { token, count, expiresAt, writtenAt, text }: StoredHead): Item {
    const item: Item = {
      [shardAttribute]: { S: shardOf(key) },
      [headAttributes.token]: { S: token },
      [headAttributes.count]: { N: String(count) },
      [headAttributes.writtenAt]: { N: String(writtenAt) },
      [headAttributes.text]: { S: text },
    };
    if (expiresAt !== undefined) item[headAttributes.expiresAt] = { N: String(expiresAt) };
    const end = count === 0 ? writtenAt : expiresAt;
    // "Time to Live": whole seconds since 1970, as a number.
    if (end !== undefined) item[this.#names.ttlAttribute] = { N: String(Math.ceil((end + weekMs) / 1000)) };
    return item;
  }

  #ifToken(expected: string | undefined) {
    if (expected === undefined) {
      return {
        ConditionExpression: "attribute_not_exists(#key)",
        ExpressionAttributeNames: { "#key": this.#names.primaryKey },
      };
    }
    return {
      ConditionExpression: "#token = :expected",
      ExpressionAttributeNames: { "#token": headAttributes.token },
      ExpressionAttributeValues: { ":expected": { S: expected } },
    };
  }
}

function headOf(item: Item | undefined): StoredHead | undefined {
  const token = item?.[headAttributes.token]?.S;
  const text = item?.[headAttributes.text]?.S;
  if (token === undefined || text === undefined) return undefined;
  return {
    token,
    count: numberOf(item?.[headAttributes.count]) ?? 0,
    expiresAt: numberOf(item?.[headAttributes.expiresAt]),
    writtenAt: numberOf(item?.[headAttributes.writtenAt]) ?? 0,
    text,
  };
}

function numberOf(value: AttributeValue | undefined): number | undefined {
  return value?.N === undefined ? undefined : Number(value.N);
}

function rowOf(item: Item): Row | undefined {
  const address = parseRowId(item[rowKey]?.S);
  const body = item.Body?.S;
  if (address === undefined || body === undefined) return undefined;
  return { ...address, parts: numberOf(item.Parts) ?? 1, origin: item.Origin?.S, body };
}

/** FNV-1a. */
function shardOf(key: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return String((hash >>> 0) % shards);
}

function parseKeyCursor(cursor: string | undefined): [shard: number, after: string | undefined] {
  if (cursor === undefined) return [0, undefined];
  const slash = cursor.indexOf("/");
  const after = cursor.slice(slash + 1);
  return [Number(cursor.slice(0, slash)), after === "" ? undefined : after];
}
