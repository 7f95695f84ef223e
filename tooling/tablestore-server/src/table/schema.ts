import { parameterInvalid, ServiceError, unsupported } from "../errors.js";
import type { Limits } from "../limits.js";
import {
  AUTO_INCREMENT,
  type CapacityUnit,
  type Operations,
  PrimaryKeyType,
  type StreamSpecification,
  type TableOptions,
} from "../wire/messages.js";
import type { KeySchema, KeyType } from "./key.js";

/** What a table was created with, and what UpdateTable changes of it. Plain data: it is written to disk as it is. */
export interface TableSettings {
  readonly name: string;
  readonly schema: readonly KeySchema[];
  readonly capacity: Required<CapacityUnit>;
  readonly timeToLiveSeconds: number;
  readonly maxVersions: number;
  /** How far from the time of writing a timestamp that a client gives may be. */
  readonly deviationSeconds: number;
  readonly allowUpdate: boolean;
  readonly stream: StreamSpecification | undefined;
  /** Milliseconds, as are the others. */
  readonly createdAt: number;
  readonly capacityIncreasedAt: number;
  readonly capacityDecreasedAt: number | undefined;
}

const KEY_TYPES = new Map<number, KeyType>([
  [PrimaryKeyType.INTEGER, "integer"],
  [PrimaryKeyType.STRING, "string"],
  [PrimaryKeyType.BINARY, "binary"],
]);

const DEFAULT_DEVIATION_SECONDS = 86_400;

export function checkName(name: string, what: "table" | "column", limits: Limits): void {
  if (name.length > limits.nameBytes || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw parameterInvalid(`Invalid ${what} name: '${name}'.`);
  }
}

function keySchema(columns: Operations["CreateTable"]["request"]["tableMeta"], limits: Limits): KeySchema[] {
  const { primaryKey = [] } = columns;
  if (primaryKey.length === 0 || primaryKey.length > limits.primaryKeyColumns) {
    throw parameterInvalid(`The number of primary key columns must be in range: [1, ${limits.primaryKeyColumns}].`);
  }
  const schema = primaryKey.map(({ name, type, option }) => {
    checkName(name, "column", limits);
    const keyType = KEY_TYPES.get(type);
    if (keyType === undefined) throw parameterInvalid(`${type} is an invalid type for the primary key.`);
    return { name, type: keyType, autoIncrement: option === AUTO_INCREMENT };
  });
  const names = schema.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw parameterInvalid(`Duplicated primary key name: '${twice}'.`);
  const generated = schema.filter(({ autoIncrement }) => autoIncrement);
  if (generated.length > 1) throw parameterInvalid("AUTO_INCREMENT primary key count must <= 1.");
  if (generated[0] !== undefined && generated[0].type !== "integer") {
    throw parameterInvalid("AUTO_INCREMENT primary key must be integer.");
  }
  if (schema[0]?.autoIncrement === true) {
    throw parameterInvalid(`First primary key can't be auto increment, table: ${columns.tableName}.`);
  }
  return schema;
}

function capacityOf({ read = 0, write = 0 }: CapacityUnit): Required<CapacityUnit> {
  for (const value of [read, write]) {
    if (value < 0) throw parameterInvalid(`Invalid Capacity Unit:${value} . Capacity Unit must be nonnegative.`);
  }
  return { read, write };
}

type Retained = Pick<TableSettings, "timeToLiveSeconds" | "maxVersions" | "deviationSeconds" | "allowUpdate">;

function retained(options: TableOptions, old: Retained, limits: Limits): Retained {
  const { timeToLive = old.timeToLiveSeconds, maxVersions = old.maxVersions, allowUpdate = old.allowUpdate } = options;
  const { deviationCellVersionInSec: deviation = String(old.deviationSeconds) } = options;
  if (options.bloomFilterType !== undefined || options.blockSize !== undefined) {
    throw unsupported("bloom_filter_type and block_size");
  }
  if (timeToLive === 0 || timeToLive < -1) throw parameterInvalid("TimeToLive cannot be 0 or less than -1.");
  if (timeToLive !== -1 && timeToLive < limits.minTimeToLiveSeconds) {
    throw parameterInvalid(`TimeToLive cannot be less than ${limits.minTimeToLiveSeconds}.`);
  }
  if (maxVersions <= 0) throw parameterInvalid("The maximum versions cannot be less than or equal to 0.");
  if (BigInt(deviation) < 0n || BigInt(deviation) > (2n ** 63n - 1n) / 1_000_000n) {
    throw parameterInvalid("The maximum deviation must be in range [0, INT64_MAX/1000000].");
  }
  return { timeToLiveSeconds: timeToLive, maxVersions, deviationSeconds: Number(deviation), allowUpdate };
}

export function newTable(request: Operations["CreateTable"]["request"], now: number, limits: Limits): TableSettings {
  const { tableMeta, reservedThroughput, tableOptions, partitions, streamSpec, indexMetas, enableLocalTxn } = request;
  checkName(tableMeta.tableName, "table", limits);
  const schema = keySchema(tableMeta, limits);
  if (tableOptions?.timeToLive === undefined) {
    throw parameterInvalid("Time-to-live is missing while creating table.");
  }
  if (tableOptions.maxVersions === undefined) throw parameterInvalid("MaxVersions is missing while creating table.");
  if (tableMeta.definedColumn !== undefined || tableMeta.indexMeta !== undefined || indexMetas !== undefined) {
    throw unsupported("defined columns and secondary indexes");
  }
  if (partitions !== undefined) throw unsupported("tables created with partitions");
  if (enableLocalTxn === true) throw unsupported("local transactions");
  const defaults = {
    timeToLiveSeconds: -1,
    maxVersions: 1,
    deviationSeconds: DEFAULT_DEVIATION_SECONDS,
    allowUpdate: true,
  };
  return {
    name: tableMeta.tableName,
    schema,
    capacity: capacityOf(reservedThroughput.capacityUnit),
    ...retained(tableOptions, defaults, limits),
    stream: streamSpec,
    createdAt: now,
    capacityIncreasedAt: now,
    capacityDecreasedAt: undefined,
  };
}

export function changedTable(
  old: TableSettings,
  request: Operations["UpdateTable"]["request"],
  now: number,
  limits: Limits,
): TableSettings {
  const { reservedThroughput, tableOptions, streamSpec } = request;
  if (reservedThroughput === undefined && tableOptions === undefined && streamSpec === undefined) {
    throw parameterInvalid("No parameter is specified in table options.");
  }
  const changed = {
    ...old,
    ...(tableOptions === undefined ? {} : retained(tableOptions, old, limits)),
    ...(streamSpec === undefined ? {} : { stream: streamSpec }),
  };
  const { read, write } = reservedThroughput?.capacityUnit ?? {};
  const capacity = capacityOf({ read: read ?? old.capacity.read, write: write ?? old.capacity.write });
  const increased = capacity.read > old.capacity.read || capacity.write > old.capacity.write;
  const decreased = capacity.read < old.capacity.read || capacity.write < old.capacity.write;
  if (!increased && !decreased) return changed;
  const last = Math.max(old.capacityIncreasedAt, old.capacityDecreasedAt ?? 0);
  if (now < last + limits.throughputUpdateSeconds * 1000) {
    throw new ServiceError("OTSTooFrequentReservedThroughputAdjustment", "Capacity unit adjustment is too frequent.");
  }
  return {
    ...changed,
    capacity,
    ...(increased ? { capacityIncreasedAt: now } : {}),
    ...(decreased ? { capacityDecreasedAt: now } : {}),
  };
}
