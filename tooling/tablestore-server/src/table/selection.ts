import { parameterInvalid, unsupported } from "../errors.js";
import type { Selection } from "../wire/messages.js";
import type { PlainCell } from "../wire/plain-buffer.js";
import { type Filter, type FilterRules, holds, type Pagination, parseFilter } from "./conditions.js";
import type { Cell, Columns } from "./row.js";
import { checkName } from "./schema.js";

/** Which columns and versions of a row a read wants to see. */
export interface ReadPlan {
  /** Undefined: all. */
  readonly columns: ReadonlySet<string> | undefined;
  /** That a row without any of the columns is returned all the same, with its primary key only. */
  readonly keyAsked: boolean;
  /** Names from `start` on and before `end`, in the order of their bytes. */
  readonly start: string | undefined;
  readonly end: string | undefined;
  /** Milliseconds, the end exclusive. */
  readonly times: readonly [number, number] | undefined;
  readonly versions: number;
  readonly filter: Filter | Pagination | undefined;
}

const before = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

function timeRange({ timeRange, maxVersions }: Selection): ReadPlan["times"] {
  if (timeRange === undefined) {
    if (maxVersions === undefined) throw parameterInvalid("No version condition is specified while querying row.");
    return undefined;
  }
  const { startTime, endTime, specificTime } = timeRange;
  if (specificTime !== undefined) {
    if (startTime !== undefined || endTime !== undefined) {
      throw parameterInvalid("Specific tiemstamp and time range cannot be given at the same time.");
    }
    return [Number(specificTime), Number(specificTime) + 1];
  }
  if (startTime === undefined || endTime === undefined) {
    throw parameterInvalid("Start and end time must be given at the same time.");
  }
  return [Number(startTime), Number(endTime)];
}

export function planRead(selection: Selection, rules: FilterRules): ReadPlan {
  const { columnsToGet = [], maxVersions, filter, startColumn, endColumn } = selection;
  if (columnsToGet.length > rules.limits.columnsToGet) {
    throw parameterInvalid(
      `The number of columns from the request exceeds the limit, limit count: ${rules.limits.columnsToGet} , column count:${columnsToGet.length}.`,
    );
  }
  if (!rules.readings.accepts("column-names")) {
    for (const name of columnsToGet) checkName(name, "column", rules.limits);
  }
  if (maxVersions !== undefined && maxVersions !== -1 && maxVersions <= 0) {
    throw parameterInvalid(`Invalid max versions: ${maxVersions} . Reason: Max versions must be positive.`);
  }
  if (columnsToGet.length > 0 && (startColumn !== undefined || endColumn !== undefined)) {
    throw unsupported("columns_to_get together with start_column or end_column");
  }
  const keyAsked = rules.schema.some(({ name }) => columnsToGet.includes(name));
  if (keyAsked) rules.readings.check("key-in-columns-to-get");
  return {
    columns: columnsToGet.length === 0 ? undefined : new Set(columnsToGet),
    keyAsked,
    start: startColumn,
    end: endColumn,
    times: timeRange(selection),
    versions: maxVersions === undefined || maxVersions === -1 ? Number.POSITIVE_INFINITY : maxVersions,
    filter: filter === undefined ? undefined : parseFilter(filter, rules),
  };
}

function selected(columns: Columns, plan: ReadPlan): Map<string, readonly Cell[]> {
  const result = new Map<string, readonly Cell[]>();
  for (const [name, cells] of columns) {
    if (plan.columns?.has(name) === false) continue;
    if (plan.start !== undefined && before(name, plan.start)) continue;
    if (plan.end !== undefined && !before(name, plan.end)) continue;
    const { times } = plan;
    const kept = cells
      .filter(({ timestamp }) => times === undefined || (timestamp >= times[0] && timestamp < times[1]))
      .slice(0, plan.versions);
    if (kept.length > 0) result.set(name, kept);
  }
  return result;
}

function plainCells(columns: Iterable<[string, readonly Cell[]]>): PlainCell[] {
  return [...columns]
    .sort(([a], [b]) => (before(a, b) ? -1 : 1))
    .flatMap(([name, cells]) => cells.map(({ timestamp, value }) => ({ name, value, timestamp: BigInt(timestamp) })));
}

/**
 * The cells of a row that a read returns, by column name and then the newest first; undefined if it does not return the row:
 * the filter does not hold (it sees the selected columns only), or columns were asked for and the row has none of them.
 */
export function readCells(columns: Columns, plan: ReadPlan, rules: FilterRules): PlainCell[] | undefined {
  const result = selected(columns, plan);
  const { filter } = plan;
  if (filter !== undefined && filter.kind !== "pagination" && !holds(filter, result, rules.readings)) return undefined;
  const narrowed =
    plan.columns !== undefined || plan.start !== undefined || plan.end !== undefined || plan.times !== undefined;
  if (narrowed && result.size === 0 && !plan.keyAsked) return undefined;
  const cells = plainCells(result);
  if (filter?.kind !== "pagination") return cells;
  const names = [...new Set(cells.map(({ name }) => name))].slice(filter.offset, filter.offset + filter.limit);
  return cells.filter(({ name }) => names.includes(name));
}
