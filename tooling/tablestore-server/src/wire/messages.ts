import { createRequire } from "node:module";
import protobuf from "protobufjs";
import { parameterInvalid } from "../errors.js";

/**
 * Tablestore's protobuf messages, as plain objects. The definitions are the .proto files in the npm package `tablestore`; the
 * fields that only newer SDKs know are added below, so that a request for what they ask is refused and not half done.
 */
const require = createRequire(import.meta.url);

const root = new protobuf.Root();
root.loadSync([
  require.resolve("tablestore/lib/protocol/tablestore.proto"),
  require.resolve("tablestore/lib/protocol/tablestore_filter.proto"),
]);
// Of table_store.proto in the Python SDK 6.4.8.
root.lookupType("main.proto.CreateTableRequest").add(new protobuf.Field("enableLocalTxn", 8, "bool"));
root.lookupType("main.proto.BatchWriteRowRequest").add(new protobuf.Field("isAtomic", 3, "bool"));
root.resolveAll();

export interface ErrorMessage {
  code: string;
  message?: string;
}

export interface CapacityUnit {
  read?: number;
  write?: number;
}

export interface Consumed {
  capacityUnit: CapacityUnit;
}

export const PrimaryKeyType = { INTEGER: 1, STRING: 2, BINARY: 3 } as const;
export const AUTO_INCREMENT = 1;

interface PrimaryKeySchema {
  name: string;
  type: number;
  option?: number;
}

interface TableMeta {
  tableName: string;
  primaryKey?: PrimaryKeySchema[];
  definedColumn?: { name: string; type: number }[];
  indexMeta?: unknown[];
}

export interface TableOptions {
  timeToLive?: number;
  maxVersions?: number;
  bloomFilterType?: number;
  blockSize?: number;
  deviationCellVersionInSec?: string;
  allowUpdate?: boolean;
}

export interface StreamSpecification {
  enableStream: boolean;
  expirationTime?: number;
}

interface ThroughputDetails {
  capacityUnit: CapacityUnit;
  /** Seconds, as is the next. */
  lastIncreaseTime: string;
  lastDecreaseTime?: string;
}

export interface StreamDetails {
  enableStream: boolean;
  streamId?: string;
  expirationTime?: number;
  lastEnableTime?: string;
}

export const TableStatus = { ACTIVE: 1, LOADING: 3 } as const;
export const RowExistence = { IGNORE: 0, EXPECT_EXIST: 1, EXPECT_NOT_EXIST: 2 } as const;
export const ReturnType = { NONE: 0, PRIMARY_KEY: 1, AFTER_MODIFY: 2 } as const;
export const OperationType = { PUT: 1, UPDATE: 2, DELETE: 3 } as const;
export const Direction = { FORWARD: 0, BACKWARD: 1 } as const;

interface Condition {
  rowExistence: number;
  columnCondition?: Buffer;
}

interface ReturnContent {
  returnType?: number;
  returnColumnNames?: string[];
}

interface TimeRange {
  /** Milliseconds, as are the others. */
  startTime?: string;
  endTime?: string;
  specificTime?: string;
}

/** What all requests that read have in common. */
export interface Selection {
  columnsToGet?: string[];
  timeRange?: TimeRange;
  maxVersions?: number;
  filter?: Buffer;
  startColumn?: string;
  endColumn?: string;
}

/** What all requests that write a row have in common. */
export interface RowWrite {
  condition: Condition;
  returnContent?: ReturnContent;
}

interface InTransaction {
  transactionId?: string;
}

interface GetRowRequest extends Selection, InTransaction {
  tableName: string;
  primaryKey: Buffer;
  token?: Buffer;
}

interface GetRangeRequest extends Selection, InTransaction {
  tableName: string;
  direction: number;
  limit?: number;
  inclusiveStartPrimaryKey: Buffer;
  exclusiveEndPrimaryKey: Buffer;
  token?: Buffer;
  dataBlockTypeHint?: number;
  compressTypeHint?: number;
  returnEntirePrimaryKeys?: boolean;
}

interface RowInBatchWriteRowRequest extends RowWrite {
  type: number;
  rowChange: Buffer;
}

interface TableInBatchGetRowRequest extends Selection {
  tableName: string;
  primaryKey?: Buffer[];
  token?: Buffer[];
}

interface RowReply {
  consumed: Consumed;
  row?: Buffer;
}

export interface RowInBatch {
  isOk: boolean;
  error?: ErrorMessage;
  consumed?: Consumed;
  row?: Buffer;
}

interface BatchReply {
  tables: { tableName: string; rows: RowInBatch[] }[];
}

/** Every operation that the server knows, with its request and its answer. */
export interface Operations {
  CreateTable: {
    request: {
      tableMeta: TableMeta;
      reservedThroughput: Consumed;
      tableOptions?: TableOptions;
      partitions?: unknown[];
      streamSpec?: StreamSpecification;
      indexMetas?: unknown[];
      enableLocalTxn?: boolean;
    };
    response: Record<string, never>;
  };
  ListTable: { request: Record<string, never>; response: { tableNames: string[] } };
  DescribeTable: {
    request: { tableName: string };
    response: {
      tableMeta: TableMeta;
      reservedThroughputDetails: ThroughputDetails;
      tableOptions: TableOptions;
      tableStatus: number;
      streamDetails?: StreamDetails;
    };
  };
  UpdateTable: {
    request: {
      tableName: string;
      reservedThroughput?: Consumed;
      tableOptions?: TableOptions;
      streamSpec?: StreamSpecification;
    };
    response: {
      reservedThroughputDetails: ThroughputDetails;
      tableOptions: TableOptions;
      streamDetails?: StreamDetails;
    };
  };
  DeleteTable: { request: { tableName: string }; response: Record<string, never> };
  GetRow: { request: GetRowRequest; response: RowReply };
  PutRow: { request: { tableName: string; row: Buffer } & RowWrite & InTransaction; response: RowReply };
  UpdateRow: { request: { tableName: string; rowChange: Buffer } & RowWrite & InTransaction; response: RowReply };
  DeleteRow: { request: { tableName: string; primaryKey: Buffer } & RowWrite & InTransaction; response: RowReply };
  GetRange: { request: GetRangeRequest; response: { consumed: Consumed; rows: Buffer; nextStartPrimaryKey?: Buffer } };
  BatchGetRow: { request: { tables?: TableInBatchGetRowRequest[] }; response: BatchReply };
  BatchWriteRow: {
    request: {
      tables?: { tableName: string; rows?: RowInBatchWriteRowRequest[] }[];
      isAtomic?: boolean;
    } & InTransaction;
    response: BatchReply;
  };
}

export type OperationName = keyof Operations;

/** Filters and column conditions travel as bytes inside of the messages. */
interface Filters {
  Filter: { type: number; filter: Buffer };
  SingleColumnValueFilter: {
    comparator: number;
    columnName: string;
    columnValue: Buffer;
    filterIfMissing: boolean;
    latestVersionOnly: boolean;
  };
  CompositeColumnValueFilter: { combinator: number; subFilters?: Filters["Filter"][] };
  ColumnPaginationFilter: { offset: number; limit: number };
}

/**
 * Throws OTSParameterInvalid for what is no such message, and for one with fields that the definitions do not have: to ignore
 * those would be to do something else than what was asked.
 */
function decode(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  let message: protobuf.Message;
  try {
    message = type.decode(bytes);
  } catch {
    throw parameterInvalid("Parse PBMessage from RawString failed.");
  }
  if (type.encode(message).finish().length !== bytes.length) {
    throw parameterInvalid(`This test server does not know all fields of this ${type.name}.`);
  }
  return type.toObject(message, { longs: String });
}

export function decodeRequest<Name extends OperationName>(name: Name, body: Uint8Array): Operations[Name]["request"] {
  return decode(root.lookupType(`main.proto.${name}Request`), body);
}

export function encodeResponse<Name extends OperationName>(name: Name, response: Operations[Name]["response"]): Buffer {
  const type = root.lookupType(`main.proto.${name}Response`);
  return Buffer.from(type.encode(type.fromObject(response)).finish());
}

export function encodeError(error: ErrorMessage): Buffer {
  const type = root.lookupType("main.proto.Error");
  return Buffer.from(type.encode(type.fromObject(error)).finish());
}

export function decodeFilter<Name extends keyof Filters>(name: Name, bytes: Uint8Array): Filters[Name] {
  return decode(root.lookupType(`filter.proto.${name}`), bytes) as unknown as Filters[Name];
}
