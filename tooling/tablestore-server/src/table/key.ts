import type { Readings } from "../doubtful.js";
import { invalidKey, parameterInvalid } from "../errors.js";
import type { Limits } from "../limits.js";
import type { KeyColumn } from "../wire/plain-buffer.js";
import { type KeyValue, sizeOf, type Value } from "../wire/values.js";

export type KeyType = "integer" | "string" | "binary";

export interface KeySchema {
  readonly name: string;
  readonly type: KeyType;
  readonly autoIncrement: boolean;
}

/** A key whose bytes, compared one by one, are in the table's order. In a string of 8-bit characters, to serve as a map's key. */
export type OrderedKey = string;

const TYPE_NAMES = { integer: "VT_INTEGER", string: "VT_STRING", binary: "VT_BLOB" } as const;
const MAX_INTEGER = 2n ** 63n - 1n;
const MIN_INTEGER = -(2n ** 63n);

function orderedValue(value: KeyValue): string {
  switch (value.type) {
    case "min":
      return "\x00";
    case "max":
      return "\x02";
    case "integer": {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt.asUintN(64, value.value ^ MIN_INTEGER));
      return `\x01${bytes.toString("latin1")}`;
    }
    case "string":
    case "binary":
      // A zero byte is written as 00 FF, the end as 00 00, so that a prefix comes before what it begins.
      return `\x01${value.value.toString("latin1").replaceAll("\x00", "\x00\xff")}\x00\x00`;
    default:
      throw parameterInvalid(`Unknown or unsupported CellType in primary key: ${value.type}.`);
  }
}

export const orderedKey = (key: readonly KeyValue[]): OrderedKey => key.map(orderedValue).join("");

/** The smallest key after this one (or, backwards, the largest before it), where a value of its last column can say it. */
export function neighbour(key: readonly Value[], backward: boolean): Value[] | undefined {
  const last = key[key.length - 1];
  if (last?.type === "integer") {
    if (last.value === (backward ? MIN_INTEGER : MAX_INTEGER)) return undefined;
    return [...key.slice(0, -1), { type: "integer", value: last.value + (backward ? -1n : 1n) }];
  }
  if (backward || (last?.type !== "string" && last?.type !== "binary")) return undefined;
  return [...key.slice(0, -1), { type: last.type, value: Buffer.concat([last.value, Buffer.of(0)]) }];
}

/** Throws OTSInvalidPK unless the columns are the schema's, and OTSParameterInvalid for values that no key can have. */
function checkColumns(
  schema: readonly KeySchema[],
  key: readonly KeyColumn[],
  limits: Limits,
  readings: Readings,
): void {
  if (key.length !== schema.length) {
    throw invalidKey(`Validate PK size fail. Input: ${key.length}, Meta: ${schema.length}.`);
  }
  for (const [index, { name, type }] of schema.entries()) {
    const column = key[index] as KeyColumn;
    if (column.name !== name) throw invalidKey(`Validate PK name fail. Input: ${column.name}, Meta: ${name}.`);
    const { value } = column;
    if (value.type === "min" || value.type === "max" || value.type === "auto-increment") continue;
    if (value.type !== type) {
      const given = TYPE_NAMES[value.type as KeyType] ?? value.type;
      throw invalidKey(`Validate PK type fail. Input: ${given}, Meta: ${TYPE_NAMES[type]}.`);
    }
    const size = sizeOf(value);
    if (size === 0) readings.check("empty-key");
    if (size > limits.primaryKeyValueBytes) {
      throw parameterInvalid(
        `The length of primary key column: '${name}' exceeds the MaxLength: ${limits.primaryKeyValueBytes} with CurrentLength: ${size}.`,
      );
    }
  }
}

/** The values of a key that names one row. */
export function rowKey(
  schema: readonly KeySchema[],
  key: readonly KeyColumn[],
  limits: Limits,
  readings: Readings,
): Value[] {
  checkColumns(schema, key, limits, readings);
  return key.map(({ name, value }) => {
    if (value.type === "auto-increment") throw parameterInvalid("PKAutoIncr can't be used for read operations.");
    if (value.type === "min" || value.type === "max") {
      throw parameterInvalid(`INF_MIN and INF_MAX can't be the value of primary key: ${name}.`);
    }
    return value;
  });
}

/** The values of a key that a PutRow brings, and which of them the server has to give. */
export function newRowKey(
  schema: readonly KeySchema[],
  key: readonly KeyColumn[],
  limits: Limits,
  readings: Readings,
): { values: KeyValue[]; generated: number } {
  const generated = key.findIndex(({ value }) => value.type === "auto-increment");
  if (generated === -1) return { values: rowKey(schema, key, limits, readings), generated };
  checkColumns(schema, key, limits, readings);
  if (schema[generated]?.autoIncrement !== true) {
    throw invalidKey(`Validate PK type fail. Input: VT_AUTO_INCREMENT, Meta: ${schema[generated]?.name}.`);
  }
  const given = key.filter((_, index) => index !== generated);
  rowKey(
    schema.filter((_, index) => index !== generated),
    given,
    limits,
    readings,
  );
  return { values: key.map(({ value }) => value), generated };
}

/** The ordered form of one end of a range. */
export function rangeKey(
  schema: readonly KeySchema[],
  key: readonly KeyColumn[],
  limits: Limits,
  readings: Readings,
): OrderedKey {
  checkColumns(schema, key, limits, readings);
  if (key.some(({ value }) => value.type === "auto-increment")) {
    throw parameterInvalid("PKAutoIncr can't be used for read operations.");
  }
  return orderedKey(key.map(({ value }) => value));
}

export const keyColumns = (schema: readonly KeySchema[], key: readonly Value[]): KeyColumn[] =>
  schema.map(({ name }, index) => ({ name, value: key[index] as Value }));
