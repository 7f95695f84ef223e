import { createRequire } from "node:module";
import { onTestFinished } from "vitest";
import { type TablestoreServer, type TablestoreServerOptions, tablestoreServer } from "../src/index.js";

/** The official npm SDK, unmodified. It has no types: what the tests use of it. */
interface Int64 {
  toString(): string;
  toNumber(): number;
}

type Cell = string | number | boolean | Buffer | Int64;

export interface Row {
  primaryKey?: { name: string; value: Cell }[];
  attributes?: { columnName: string; columnValue: Cell; timestamp: Int64 }[];
}

interface Consumed {
  capacityUnit: { read: number; write: number };
}

interface BatchRow extends Row {
  isOk: boolean;
  errorCode: string | null;
  errorMessage: string | null;
  tableName: string;
}

interface Answers {
  createTable: object;
  deleteTable: object;
  listTable: { tableNames: string[] };
  describeTable: {
    tableMeta: { tableName: string; primaryKey: { name: string; type: number }[] };
    tableOptions: { timeToLive: number; maxVersions: number };
    tableStatus: number;
  };
  updateTable: { tableOptions: { timeToLive: number } };
  getRow: { consumed: Consumed; row: Row };
  putRow: { consumed: Consumed; row: Row };
  updateRow: { consumed: Consumed; row: Row };
  deleteRow: { consumed: Consumed; row: Row };
  getRange: { consumed: Consumed; rows: Row[]; nextStartPrimaryKey: { name: string; value: Cell }[] | null };
  batchGetRow: { tables: BatchRow[][] };
  batchWriteRow: { tables: BatchRow[] };
  startLocalTransaction: object;
}

export type Client = { [Name in keyof Answers]: (params: object) => Promise<Answers[Name]> };

interface Sdk {
  Client: new (options: object) => Client;
  Long: { fromNumber(value: number): Int64; fromString(value: string): Int64 };
  Condition: new (existence: number, column: object | null) => object;
  SingleColumnCondition: new (
    column: string,
    value: Cell,
    comparator: number,
    passIfMissing?: boolean,
    latestVersionOnly?: boolean,
  ) => object;
  CompositeCondition: new (operator: number) => { addSubCondition(condition: object): void };
  ColumnPaginationFilter: new (limit: number, offset: number) => object;
  RowExistenceExpectation: { IGNORE: number; EXPECT_EXIST: number; EXPECT_NOT_EXIST: number };
  ComparatorType: Record<"EQUAL" | "NOT_EQUAL" | "GREATER_THAN" | "LESS_EQUAL", number>;
  LogicalOperator: Record<"NOT" | "AND" | "OR", number>;
  Direction: { FORWARD: string; BACKWARD: string };
  ReturnType: { Primarykey: number; AfterModify: number };
  INF_MIN: object;
  INF_MAX: object;
  PK_AUTO_INCR: object;
}

export const sdk: Sdk = createRequire(import.meta.url)("tablestore");

export function clientOf(server: TablestoreServer, options: object = {}): Client {
  return new sdk.Client({
    endpoint: server.url,
    instancename: server.instanceName,
    accessKeyId: server.accessKeyId,
    secretAccessKey: server.accessKeySecret,
    maxRetries: 0,
    ...options,
  });
}

export const { Long } = sdk;
const { IGNORE, EXPECT_EXIST, EXPECT_NOT_EXIST } = sdk.RowExistenceExpectation;
export const ignore = new sdk.Condition(IGNORE, null);
export const expectExist = new sdk.Condition(EXPECT_EXIST, null);
export const expectNotExist = new sdk.Condition(EXPECT_NOT_EXIST, null);

/** Creates a table whose columns are `name: "STRING"` and so on; a type with `+` is AUTO_INCREMENT. */
export async function createTable(
  client: Client,
  tableName: string,
  key: Record<string, string>,
  tableOptions: object = {},
): Promise<void> {
  await client.createTable({
    tableMeta: {
      tableName,
      primaryKey: Object.entries(key).map(([name, type]) =>
        type.endsWith("+") ? { name, type: type.slice(0, -1), option: "AUTO_INCREMENT" } : { name, type },
      ),
    },
    reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
    tableOptions: { timeToLive: -1, maxVersions: 1, ...tableOptions },
  });
}

/** `{ a: "x", b: 1 }` as the SDK wants keys and columns. */
export const list = (columns: Record<string, unknown>) =>
  Object.entries(columns).map(([name, value]) => ({ [name]: value }));

/** A row as plain data, integers as bigint. */
export function plain(row: Row): { key: Record<string, unknown>; columns: Record<string, unknown> } {
  const value = (cell: Cell) => (typeof cell === "object" && !Buffer.isBuffer(cell) ? BigInt(cell.toString()) : cell);
  return {
    key: Object.fromEntries((row.primaryKey ?? []).map(({ name, value: cell }) => [name, value(cell)])),
    columns: Object.fromEntries((row.attributes ?? []).map((cell) => [cell.columnName, value(cell.columnValue)])),
  };
}

/** The code and the text of an error. The SDK takes the bytes of the protobuf message Error for the text. */
export async function errorOf(call: Promise<unknown>): Promise<{ code: string; message: string; status: number }> {
  try {
    await call;
  } catch (error) {
    const { message, code } = error as { message: string; code: number };
    const found = /(OTS[A-Za-z]+)\x12(?:\ufffd[\s\S]|[\s\S])([\s\S]*?)(?: requestId:|$)/.exec(message);
    if (found === null) throw error;
    return { code: found[1] as string, message: found[2] as string, status: code };
  }
  throw new Error("it succeeded");
}

/** A server of the test's own with a client, closed when the test is over. Its tables are ready at once. */
export async function started(options: TablestoreServerOptions = {}): Promise<{
  server: TablestoreServer;
  client: Client;
}> {
  const server = await tablestoreServer({ tableReadyMs: 0, ...options });
  onTestFinished(() => server.close());
  return { server, client: clientOf(server) };
}
