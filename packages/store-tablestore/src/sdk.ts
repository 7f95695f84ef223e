/** The SDK's class for 64-bit integers. */
export interface Int64 {
  toString(): string;
}

/** What a column or a key column holds. */
export type SdkValue = string | Int64 | number | boolean | Uint8Array;

/** The ends of a range of keys: objects of the SDK, known by their identity. */
export type KeyBound = string | object;

export interface SdkColumn {
  columnName: string;
  columnValue: SdkValue;
}

export interface SdkRow {
  primaryKey?: { name: string; value: SdkValue }[] | undefined;
  attributes?: SdkColumn[] | null | undefined;
}

export interface SdkCondition {
  rowExistenceExpectation: number;
}

export interface SdkColumnCondition {
  getType(): number;
}

interface SdkCompositeCondition extends SdkColumnCondition {
  addSubCondition(condition: SdkColumnCondition): void;
}

/** The part of the package `tablestore` that is used. It ships no types. */
export interface Sdk {
  Client: new (config: Record<string, unknown>) => TablestoreClientLike;
  Long: { fromNumber(value: number): Int64 };
  Condition: new (existence: number, column?: SdkColumnCondition) => SdkCondition;
  SingleColumnCondition: new (
    column: string,
    value: SdkValue,
    comparator: number,
    passIfMissing: boolean,
  ) => SdkColumnCondition;
  CompositeCondition: new (combinator: number) => SdkCompositeCondition;
  RowExistenceExpectation: { IGNORE: number; EXPECT_EXIST: number; EXPECT_NOT_EXIST: number };
  ComparatorType: { EQUAL: number };
  LogicalOperator: { AND: number };
  INF_MIN: object;
  INF_MAX: object;
}

export type ClientMethod =
  | "getRow"
  | "putRow"
  | "updateRow"
  | "deleteRow"
  | "getRange"
  | "batchWriteRow"
  | "createTable"
  | "describeTable";

/** The part of a `TableStore.Client` that is used, whatever its types. */
export type TablestoreClientLike = { [method in ClientMethod]: (...args: never[]) => unknown };

let loading: Promise<Sdk> | undefined;

/** Loads the SDK when it is first needed: it takes a while. A CommonJS module has but a default export here. */
export function loadSdk(): Promise<Sdk> {
  // @ts-expect-error It has no types.
  loading ??= import("tablestore").then(({ default: sdk }: { default: Sdk }) => sdk);
  return loading;
}
