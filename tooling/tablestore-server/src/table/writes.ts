import type { Readings } from "../doubtful.js";
import { parameterInvalid } from "../errors.js";
import type { Limits } from "../limits.js";
import type { CellOperation, PlainCell, PlainRow } from "../wire/plain-buffer.js";
import { sizeOf, type Value } from "../wire/values.js";
import { type Columns, type StoredRow, withCell } from "./row.js";
import { checkName, type TableSettings } from "./schema.js";

export type WriteKind = "put" | "update" | "delete";

const MAX_INTEGER = 2n ** 63n - 1n;
const REQUESTS = { put: "PutRow", update: "UpdateRow", delete: "DeleteRow" } as const;

function checkMarker({ cells, deleted }: PlainRow, kind: WriteKind, readings: Readings): void {
  if (kind === "delete") {
    if (!deleted) throw parameterInvalid("Invalid request of delete row: missing RowDeleteMarker in request.");
    if (cells.length > 0) throw parameterInvalid("Invalid delete row request: unexpected cells in request.");
    return;
  }
  if (deleted) throw parameterInvalid("Invalid request of put/update row: unexpected RowDeleteMarker in request.");
  if (cells.length > 0) return;
  if (kind === "put") readings.check("put-without-columns", "Attribute column is missing.");
  else throw parameterInvalid("Invalid update row request: missing cells in request.");
}

function checkOperation({ name, value, operation, timestamp }: PlainCell, kind: WriteKind): void {
  if (kind === "put" && operation !== undefined) {
    throw parameterInvalid(`OpType cannot be given for column name:${name} in PutRow.`);
  }
  const deletes = operation === "delete-all" || operation === "delete-one";
  if (!deletes && value === undefined) throw parameterInvalid(`Invalid cell: ${name}. Reason: missing value.`);
  if (deletes && value !== undefined) {
    throw parameterInvalid("Column value cannot be given when type is DELETE_ONE_VERSION,DELETE_ALL_VERSION.");
  }
  if (operation === "delete-one" && timestamp === undefined) {
    throw parameterInvalid("Timestamp must be given when type is DELETE_ONE_VERSION.");
  }
  if (operation === "delete-all" && timestamp !== undefined) {
    throw parameterInvalid("Timestamp cannot be given when type is DELETE_ALL_VERSION.");
  }
  if (operation === "increment") {
    if (value?.type !== "integer")
      throw parameterInvalid(`Invalid column type: only INTEGER can be incremented: ${name}.`);
    if (timestamp !== undefined) throw parameterInvalid(`Timestamp cannot be given when type is INCREMENT: ${name}.`);
  }
}

/** A column may have several versions in one request, but not two of the same, and not beside a change of all of them. */
function checkTogether(cells: readonly PlainCell[]): void {
  const seen = new Map<string, Set<string>>();
  const alone = (operation: CellOperation | undefined) => operation === "delete-all" || operation === "increment";
  for (const { name, operation, timestamp } of cells) {
    const others = seen.get(name) ?? new Set();
    const version = alone(operation) ? "all" : String(timestamp);
    if (others.has(version) || others.has("all") || (version === "all" && others.size > 0)) {
      throw parameterInvalid(`Duplicated attribute column: '${name}'.`);
    }
    seen.set(name, others.add(version));
  }
}

/** Throws OTSParameterInvalid for a row that no such request may bring, whatever is stored. */
export function checkWrite(
  row: PlainRow,
  bytes: number,
  kind: WriteKind,
  { schema, allowUpdate }: TableSettings,
  limits: Limits,
  readings: Readings,
): void {
  if (kind === "update" && !allowUpdate)
    throw parameterInvalid("UpdateRow is not allowed: allow_update of the table is false.");
  checkMarker(row, kind, readings);
  if (row.cells.length > limits.columnsPerWrite) {
    throw parameterInvalid(
      `The number of attribute columns exceeds the limit, limit count:${limits.columnsPerWrite}, column count: ${row.cells.length}.`,
    );
  }
  for (const cell of row.cells) {
    if (!readings.accepts("column-names")) checkName(cell.name, "column", limits);
    if (schema.some(({ name }) => name === cell.name)) {
      throw parameterInvalid(`Duplicated attribute column name with primary key column: ${cell.name}.`);
    }
    checkOperation(cell, kind);
    const size = cell.value === undefined ? 0 : sizeOf(cell.value);
    if (size > limits.attributeValueBytes) {
      throw parameterInvalid(
        `The length of attribute column: '${cell.name}' exceeded the MaxLength:${limits.attributeValueBytes} with Current Length:${size}.`,
      );
    }
  }
  checkTogether(row.cells);
  if (kind !== "delete" && bytes > limits.writeBytes) {
    throw parameterInvalid(
      `The total data size of ${REQUESTS[kind]} request exceeds the limit, limit size: ${limits.writeBytes} , data size: ${bytes}.`,
    );
  }
}

/** The version that a cell is written as: the time of writing, or what the client gave, if that is near enough to it. */
function version({ name, timestamp }: PlainCell, now: number, settings: TableSettings): number {
  if (timestamp === undefined) return now;
  const { deviationSeconds, timeToLiveSeconds } = settings;
  const back = timeToLiveSeconds === -1 ? deviationSeconds : Math.min(deviationSeconds, timeToLiveSeconds);
  const given = Number(timestamp);
  if (given < 0 || given < now - back * 1000 || given >= now + deviationSeconds * 1000) {
    throw parameterInvalid(`Invalid timestamp. Cell:'${name}'.`);
  }
  return given;
}

function incremented(name: string, old: Value | undefined, by: Value): Value {
  if (old !== undefined && old.type !== "integer") {
    throw parameterInvalid(`Column '${name}' can't be incremented: it is no INTEGER.`);
  }
  const value = (old?.value ?? 0n) + (by.type === "integer" ? by.value : 0n);
  if (value > MAX_INTEGER || value < -MAX_INTEGER - 1n) throw parameterInvalid(`Column '${name}' overflows.`);
  return { type: "integer", value };
}

/** The columns of a row after a PutRow or UpdateRow. Throws OTSParameterInvalid. */
export function columnsAfter(
  old: StoredRow | undefined,
  cells: readonly PlainCell[],
  kind: "put" | "update",
  now: number,
  settings: TableSettings,
): Columns {
  const columns = new Map(kind === "put" ? [] : old?.columns);
  for (const cell of cells) {
    const { name, value, operation } = cell;
    const versions = columns.get(name) ?? [];
    if (value === undefined) {
      const kept =
        operation === "delete-all" ? [] : versions.filter(({ timestamp }) => BigInt(timestamp) !== cell.timestamp);
      if (kept.length > 0) columns.set(name, kept);
      else columns.delete(name);
      continue;
    }
    const written = operation === "increment" ? incremented(name, versions[0]?.value, value) : value;
    const added = withCell(versions, { timestamp: version(cell, now, settings), value: written });
    columns.set(name, added.slice(0, settings.maxVersions));
  }
  return columns;
}
