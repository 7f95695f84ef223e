import {
  batches,
  inParallel,
  pause,
  type ReadContext,
  ServiceClock,
  utf8Length,
} from "@chatkeep/chat-store-core/backend";
import { isPassing } from "./explain.js";
import type { KeyBound, Sdk, SdkCondition, SdkRow, SdkValue, TablestoreClientLike } from "./sdk.js";
import { RequestFailed, type Sending, send } from "./send.js";

/** The columns of a primary key, in the table's order. */
export type Key = readonly [name: string, value: string][];

export type Value = string | number;

/** Attribute columns by their names. */
export type Columns = ReadonlyMap<string, SdkValue>;

export interface StoredRow {
  key: string[];
  columns: Columns;
}

/** What must be so for a write to be done: that there is no row, or a row whose columns have these values (null: is absent). */
export type Condition = "no row" | "any" | Readonly<Record<string, Value | null>>;

export interface RowWrite {
  key: Key;
  /** The whole row; deleted when absent. */
  columns?: Readonly<Record<string, Value>> | undefined;
}

/** Rows that share the first columns of the primary key, by the column behind those. */
export interface Range {
  shared: Key;
  by: string;
  /** Inclusive and exclusive; open when absent. */
  from?: string | undefined;
  to?: string | undefined;
}

export interface RangeOptions {
  columns: readonly string[];
  limit?: number | undefined;
  only?: Readonly<Record<string, Value>> | undefined;
  /** From the end: the range's `from` is above its `to`. */
  backward?: boolean | undefined;
}

export interface TableDescription {
  primaryKey: { name: string; type: string }[];
  /** In seconds; -1 for none. */
  timeToLive: number;
}

/** PrimaryKeyType, in the SDK's protocol files. */
const keyTypes: Record<number, string> = { 1: "INTEGER", 2: "STRING", 3: "BINARY" };

/** BatchWriteRow: 200 rows and 4 MB, of which names and numbers take some. */
const batchLimits = { count: 200, bytes: 3_900_000 };
const bytesOfRow = 200;
/** How often the rest of a batch is sent again. */
const batchRounds = 8;
/** Without it a request into the void takes all the time that the operation has. Large requests and answers get more. */
const requestTimeoutMs = 10_000;

/** The requests that layouts make: strongly consistent, watched by the clock, given up with the operation. */
export class Requests {
  readonly #sdk: Sdk;
  readonly #clock = new ServiceClock();
  readonly #sending: Sending;

  constructor(sdk: Sdk, client: TablestoreClientLike) {
    this.#sdk = sdk;
    this.#sending = {
      client,
      timeoutMs: requestTimeoutMs,
      note: (date, sent) => this.#clock.note(date, sent),
    };
  }

  now(): number {
    return this.#clock.now();
  }

  /** One DescribeTable. Rejects with OTSObjectNotExist when there is none. */
  async describe(tableName: string, context: ReadContext): Promise<TableDescription> {
    const { tableMeta, tableOptions } = await send<{
      tableMeta: { primaryKey: { name: string; type: number }[] };
      tableOptions?: { timeToLive?: number };
    }>(this.#sending, "describeTable", { tableName }, context);
    return {
      primaryKey: tableMeta.primaryKey.map(({ name, type }) => ({ name, type: keyTypes[type] ?? String(type) })),
      timeToLive: tableOptions?.timeToLive ?? -1,
    };
  }

  /** One CreateTable, billed by use: without reserved throughput. Rejects with OTSObjectAlreadyExist when there is one. */
  async create(tableName: string, primaryKey: readonly string[], context: ReadContext): Promise<void> {
    const params = {
      tableMeta: { tableName, primaryKey: primaryKey.map((name) => ({ name, type: "STRING" })) },
      reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
      tableOptions: { timeToLive: -1, maxVersions: 1 },
    };
    await send(this.#sending, "createTable", params, context);
  }

  /** One GetRow, of all columns: a row that has none of those asked for would look like none. */
  async get(tableName: string, key: Key, context: ReadContext): Promise<Columns | undefined> {
    const params = { tableName, primaryKey: keyOf(key), maxVersions: 1 };
    const { row } = await send<{ row: SdkRow }>(this.#sending, "getRow", params, context);
    return row.primaryKey === undefined ? undefined : columnsOf(row);
  }

  /** One PutRow: the whole row anew. Whether the condition held. */
  put(
    tableName: string,
    { key, columns = {} }: RowWrite,
    condition: Condition,
    context: ReadContext,
  ): Promise<boolean> {
    const attributeColumns = this.#columns(columns);
    const params = { tableName, primaryKey: keyOf(key), attributeColumns };
    return this.#conditional("putRow", params, condition, context, bytesOf({ key, columns }));
  }

  /** One UpdateRow: columns that are not named stay, those that are null go. Whether the condition held. */
  update(
    tableName: string,
    key: Key,
    columns: Readonly<Record<string, Value | null>>,
    condition: Condition,
    context: ReadContext,
  ): Promise<boolean> {
    const set = Object.entries(columns).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
    const gone = Object.keys(columns).filter((name) => columns[name] === null);
    const updateOfAttributeColumns = [
      { PUT: this.#columns(Object.fromEntries(set)) },
      ...(gone.length > 0 ? [{ DELETE_ALL: gone }] : []),
    ];
    const params = { tableName, primaryKey: keyOf(key), updateOfAttributeColumns };
    return this.#conditional(
      "updateRow",
      params,
      condition,
      context,
      bytesOf({ key, columns: Object.fromEntries(set) }),
    );
  }

  /** One DeleteRow. Whether the condition held. */
  delete(tableName: string, key: Key, condition: Condition, context: ReadContext): Promise<boolean> {
    return this.#conditional("deleteRow", { tableName, primaryKey: keyOf(key) }, condition, context);
  }

  /** One GetRange: a page of at most 5,000 rows and 4 MB, perhaps an empty one, and where the next begins. */
  async range(
    tableName: string,
    range: Range,
    { columns, limit, only, backward = false }: RangeOptions,
    context: ReadContext,
  ): Promise<{ rows: StoredRow[]; next?: string | undefined }> {
    const bound = (end: KeyBound): Record<string, KeyBound>[] => [...keyOf(range.shared), { [range.by]: end }];
    const { INF_MIN, INF_MAX } = this.#sdk;
    const params = {
      tableName,
      direction: backward ? "BACKWARD" : "FORWARD",
      inclusiveStartPrimaryKey: bound(range.from ?? (backward ? INF_MAX : INF_MIN)),
      exclusiveEndPrimaryKey: bound(range.to ?? (backward ? INF_MIN : INF_MAX)),
      maxVersions: 1,
      columnsToGet: columns,
      ...(limit === undefined ? {} : { limit }),
      ...(only === undefined ? {} : { columnFilter: this.#columnCondition(only) }),
    };
    const answer = await send<{ rows: SdkRow[]; nextStartPrimaryKey: { name: string; value: SdkValue }[] | null }>(
      this.#sending,
      "getRange",
      params,
      context,
    );
    const rows = answer.rows.map((row) => ({
      key: (row.primaryKey ?? []).map(({ value }) => String(value)),
      columns: columnsOf(row),
    }));
    const next = answer.nextStartPrimaryKey?.[range.shared.length]?.value;
    return { rows, next: next === undefined ? undefined : String(next) };
  }

  /** Writes and deletes of whole rows, in any order: one BatchWriteRow for 200 rows or 4 MB, more where rows fail. */
  async writeMany(tableName: string, writes: readonly RowWrite[], context: ReadContext): Promise<void> {
    const all = batches(writes, batchLimits, bytesOf);
    await inParallel(all, async (batch) => {
      let rest = batch;
      for (let round = 0; rest.length > 0; round++) rest = await this.#writeBatch(tableName, rest, round, context);
    });
  }

  /** The rows that are to be sent again. A batch is no transaction: each row fails or is written by itself. */
  async #writeBatch(
    tableName: string,
    batch: readonly RowWrite[],
    round: number,
    context: ReadContext,
  ): Promise<RowWrite[]> {
    if (round > 0) await pause(Math.random() * Math.min(2_000, 50 * 2 ** round), context.signal);
    const rows = batch.map(({ key, columns }) => ({
      type: columns === undefined ? "DELETE" : "PUT",
      condition: this.#condition("any"),
      primaryKey: keyOf(key),
      attributeColumns: this.#columns(columns ?? {}),
    }));
    const { tables: results } = await send<{ tables: { isOk: boolean; errorCode: string; errorMessage: string }[] }>(
      this.#sending,
      "batchWriteRow",
      { tables: [{ tableName, rows }] },
      context,
      batch.reduce((sum, write) => sum + bytesOf(write), 0),
    );
    const rest: RowWrite[] = [];
    for (const [i, write] of batch.entries()) {
      const result = results[i];
      if (result?.isOk === true) continue;
      const failure = new RequestFailed("batchWriteRow", {
        code: result?.errorCode ?? "",
        text: result?.errorMessage ?? "a row without an answer",
      });
      if (round === batchRounds || !isPassing(failure)) throw failure;
      rest.push(write);
    }
    return rest;
  }

  async #conditional(
    operation: "putRow" | "updateRow" | "deleteRow",
    params: object,
    condition: Condition,
    context: ReadContext,
    bytes = 0,
  ): Promise<boolean> {
    try {
      await send(this.#sending, operation, { ...params, condition: this.#condition(condition) }, context, bytes);
      return true;
    } catch (error) {
      if (error instanceof RequestFailed && error.code === "OTSConditionCheckFail") return false;
      throw error;
    }
  }

  #condition(condition: Condition): SdkCondition {
    const { IGNORE, EXPECT_EXIST, EXPECT_NOT_EXIST } = this.#sdk.RowExistenceExpectation;
    if (condition === "any") return new this.#sdk.Condition(IGNORE);
    if (condition === "no row") return new this.#sdk.Condition(EXPECT_NOT_EXIST);
    return new this.#sdk.Condition(EXPECT_EXIST, this.#columnCondition(condition));
  }

  #columnCondition(columns: Readonly<Record<string, Value | null>>) {
    const { CompositeCondition, SingleColumnCondition, ComparatorType, LogicalOperator } = this.#sdk;
    const all = Object.entries(columns).map(
      ([name, value]) =>
        // Of a column that never holds "" this says that it is absent.
        new SingleColumnCondition(name, this.#value(value ?? ""), ComparatorType.EQUAL, value === null),
    );
    const [first] = all;
    if (first !== undefined && all.length === 1) return first;
    const composite = new CompositeCondition(LogicalOperator.AND);
    for (const each of all) composite.addSubCondition(each);
    return composite;
  }

  #columns(columns: Readonly<Record<string, Value>>): Record<string, SdkValue>[] {
    return Object.entries(columns).map(([name, value]) => ({ [name]: this.#value(value) }));
  }

  /** A number of JavaScript would be stored as a double. */
  #value(value: Value): SdkValue {
    return typeof value === "number" ? this.#sdk.Long.fromNumber(value) : value;
  }
}

function keyOf(key: Key): Record<string, string>[] {
  return key.map(([name, value]) => ({ [name]: value }));
}

function columnsOf({ attributes }: SdkRow): Columns {
  return new Map((attributes ?? []).map(({ columnName, columnValue }) => [columnName, columnValue]));
}

function bytesOf({ key, columns = {} }: RowWrite): number {
  const texts = [...key.map(([, value]) => value), ...Object.values(columns)];
  return texts.reduce<number>((sum, each) => sum + (typeof each === "string" ? utf8Length(each) : 8), bytesOfRow);
}

/** The text of a column; undefined when it is absent or of another type. */
export function textOf(columns: Columns, name: string): string | undefined {
  const value = columns.get(name);
  return typeof value === "string" ? value : undefined;
}

/** The number of an INTEGER column. */
export function numberOf(columns: Columns, name: string): number | undefined {
  const value = columns.get(name);
  return value === undefined ? undefined : Number(value.toString());
}
