import {
  type CasResult,
  distinctRows,
  type HeadPort,
  inParallel,
  type ListedHead,
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
import { type Columns, type Key, numberOf, type Range, type Requests, type StoredRow, textOf } from "./requests.js";
import { keyColumn, type Tables } from "./table.js";

// Two tables: heads by key, so that listing keys is a range of them, and rows by key and id, so that a range of messages
// is one GetRange. A head is one row of its table and changes by one conditional PutRow.

const limits: PortLimits = {
  // A column has 2 MB at most, and two such rows fit one BatchWriteRow.
  rowBytes: 1_900_000,
  // Paid for by the 4 KB of a capacity unit, and read before each write.
  inlineBytes: 4_096,
  // BatchWriteRow is no transaction.
  rowsWithHead: 0,
};

/** All that a head has but its text. */
const headFacts = ["token", "count", "until", "at"];

/** All that a row has. */
const rowColumns = ["parts", "body", "origin"];

/** "Limits on data": rows of one GetRange at most. */
const mostNewest = 5_000;

/** The head protocol's port on two tables. */
export class ChatkeepLayout implements HeadPort {
  readonly limits = limits;
  readonly #requests: Requests;
  readonly #tables: Tables;

  constructor(requests: Requests, tables: Tables) {
    this.#requests = requests;
    this.#tables = tables;
  }

  now(): number {
    return this.#requests.now();
  }

  /** One GetRow. */
  async readHead(key: string, context: ReadContext): Promise<StoredHead | undefined> {
    const columns = await this.#requests.get(this.#tables.heads, headKey(key), context);
    return columns && headOf(columns);
  }

  /** One GetRow and one GetRange, at once: rows of the newest incarnation are the last of a key. */
  async readNewest(
    key: string,
    limit: number,
    context: ReadContext,
  ): Promise<{ head: StoredHead | undefined; rows: Row[] }> {
    const range = { shared: headKey(key), by: "id" };
    const options = { columns: rowColumns, limit: Math.min(limit, mostNewest), backward: true };
    const [head, { rows }] = await Promise.all([
      this.readHead(key, context),
      this.#requests.range(this.#tables.rows, range, options, context),
    ]);
    return { head, rows: rows.flatMap((row) => rowOf(row) ?? []) };
  }

  /** One PutRow. */
  async casHead(
    key: string,
    { token, count, expiresAt, writtenAt, text }: StoredHead,
    expected: string | undefined,
    _rows: readonly Row[],
    context: ReadContext,
  ): Promise<CasResult> {
    const until = expiresAt === undefined ? {} : { until: expiresAt };
    const row = { key: headKey(key), columns: { token, count, at: writtenAt, head: text, ...until } };
    const condition = expected === undefined ? "no row" : { token: expected };
    const applied = await this.#requests.put(this.#tables.heads, row, condition, context);
    // The SDK repeats no writes.
    return applied ? { applied } : { applied, sentOnce: true };
  }

  /** One DeleteRow. */
  deleteHead(key: string, expected: string, context: ReadContext): Promise<boolean> {
    return this.#requests.delete(this.#tables.heads, headKey(key), { token: expected }, context);
  }

  /** One BatchWriteRow for 200 rows, or 4 MB. */
  async putRows(key: string, rows: readonly Row[], context: ReadContext): Promise<void> {
    const writes = distinctRows(rows).map((row) => ({
      key: rowKey(key, row),
      columns: { parts: row.parts, body: row.body, ...(row.origin === undefined ? {} : { origin: row.origin }) },
    }));
    await this.#requests.writeMany(this.#tables.rows, writes, context);
  }

  /** One GetRange for each range, more when it has more than 5,000 rows or 4 MB. */
  async readRows(key: string, ranges: readonly RowRange[], context: ReadContext): Promise<Row[]> {
    const rows: Row[] = [];
    await inParallel(ranges, async ({ source, from, to }) => {
      if (from >= to) return;
      const end = rowIdOf({ source, index: to, part: 0 });
      let next: string | undefined = rowIdOf({ source, index: from, part: 0 });
      while (next !== undefined) {
        const page = await this.#range(key, { from: next, to: end }, rowColumns, context);
        rows.push(...page.rows.flatMap((row) => rowOf(row) ?? []));
        next = page.next;
      }
    });
    return rows;
  }

  /** One GetRange for 5,000 rows. */
  async listRows(
    key: string,
    source: string | undefined,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ addresses: RowAddress[]; cursor?: string | undefined }> {
    const bounds = source === undefined ? {} : { from: `${source}~`, to: `${source}~~` };
    // A small column that every row has: no row comes back of which none is asked for.
    const from = cursor ?? bounds.from;
    const page = await this.#range(key, { ...bounds, from }, ["parts"], context);
    return { addresses: page.rows.flatMap(({ key: [, id] }) => parseRowId(id) ?? []), cursor: page.next };
  }

  /** One BatchWriteRow for 200 rows. */
  async deleteRows(key: string, addresses: readonly RowAddress[], context: ReadContext): Promise<void> {
    const writes = distinctRows(addresses).map((address) => ({ key: rowKey(key, address) }));
    await this.#requests.writeMany(this.#tables.rows, writes, context);
  }

  /** One GetRange of heads, without their texts. */
  async listHeads(
    { prefix, limit, cursor }: { prefix: string; limit: number; cursor: string | undefined },
    context: ReadContext,
  ): Promise<{ heads: ListedHead[]; cursor?: string | undefined }> {
    if (!mayBeginKey(prefix)) return { heads: [] };
    const from = cursor ?? (prefix === "" ? undefined : prefix);
    const range = { shared: [], by: keyColumn, from };
    const page = await this.#requests.range(this.#tables.heads, range, { columns: headFacts, limit }, context);
    const heads = page.rows.flatMap(({ key: [key = ""], columns }) => {
      const head = headOf(columns, "");
      return head === undefined || !key.startsWith(prefix) ? [] : [{ key, head }];
    });
    const more = page.next?.startsWith(prefix) === true;
    return { heads, cursor: more ? page.next : undefined };
  }

  async close(): Promise<void> {}

  #range(key: string, { from, to }: Pick<Range, "from" | "to">, columns: readonly string[], context: ReadContext) {
    return this.#requests.range(this.#tables.rows, { shared: headKey(key), by: "id", from, to }, { columns }, context);
  }
}

function headKey(key: string): Key {
  return [[keyColumn, key]];
}

function rowKey(key: string, address: RowAddress): Key {
  return [
    [keyColumn, key],
    ["id", rowIdOf(address)],
  ];
}

function headOf(columns: Columns, unread?: string): StoredHead | undefined {
  const token = textOf(columns, "token");
  const text = textOf(columns, "head") ?? unread;
  if (token === undefined || text === undefined) return undefined;
  return {
    token,
    count: numberOf(columns, "count") ?? 0,
    expiresAt: numberOf(columns, "until"),
    writtenAt: numberOf(columns, "at") ?? 0,
    text,
  };
}

function rowOf({ key: [, id], columns }: StoredRow): Row | undefined {
  const address = parseRowId(id);
  const body = textOf(columns, "body");
  if (address === undefined || body === undefined) return undefined;
  return { ...address, parts: numberOf(columns, "parts") ?? 1, origin: textOf(columns, "origin"), body };
}
