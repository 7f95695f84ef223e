import type { Readings } from "../doubtful.js";
import { parameterInvalid, unsupported } from "../errors.js";
import type { Limits } from "../limits.js";
import { decodeFilter } from "../wire/messages.js";
import { BrokenRow, decodeConstant } from "../wire/plain-buffer.js";
import { compareValues, type Value } from "../wire/values.js";
import type { KeySchema } from "./key.js";
import type { Cell, Columns } from "./row.js";

/** What a write can be conditional on, and a read be filtered by. */
export type Filter =
  | {
      readonly kind: "compare";
      readonly column: string;
      readonly constant: Value;
      readonly comparator: number;
      readonly passIfMissing: boolean;
      readonly latestOnly: boolean;
    }
  | { readonly kind: "not" | "and" | "or"; readonly parts: readonly Filter[] };

/** A slice of the columns instead of a filter. */
export interface Pagination {
  readonly kind: "pagination";
  readonly offset: number;
  readonly limit: number;
}

const HOLDS: ReadonlyMap<number, (order: number) => boolean> = new Map([
  [1, (order) => order === 0],
  [2, (order) => order !== 0],
  [3, (order) => order > 0],
  [4, (order) => order >= 0],
  [5, (order) => order < 0],
  [6, (order) => order <= 0],
]);
const EQUAL = 1;

const COMBINATORS = new Map<number, "not" | "and" | "or">([
  [1, "not"],
  [2, "and"],
  [3, "or"],
]);

const FilterType = { single: 1, composite: 2, pagination: 3 } as const;

export interface FilterRules {
  readonly schema: readonly KeySchema[];
  readonly limits: Limits;
  readonly readings: Readings;
}

function constant(bytes: Uint8Array): Value {
  try {
    return decodeConstant(bytes);
  } catch (error) {
    if (error instanceof BrokenRow) throw parameterInvalid("Deserialize relation filter failed.");
    throw error;
  }
}

function parseNode(type: number, bytes: Uint8Array, rules: FilterRules): Filter {
  if (type === FilterType.single) {
    const filter = decodeFilter("SingleColumnValueFilter", bytes);
    if (!HOLDS.has(filter.comparator)) throw parameterInvalid(`Invalid relation operator: ${filter.comparator}.`);
    if (rules.schema.some(({ name }) => name === filter.columnName))
      throw unsupported("conditions on primary key columns");
    return {
      kind: "compare",
      column: filter.columnName,
      constant: constant(filter.columnValue),
      comparator: filter.comparator,
      passIfMissing: !filter.filterIfMissing,
      latestOnly: filter.latestVersionOnly,
    };
  }
  if (type !== FilterType.composite) throw parameterInvalid(`Invalid type of sub-filter: ${type}.`);
  const { combinator, subFilters = [] } = decodeFilter("CompositeColumnValueFilter", bytes);
  const kind = COMBINATORS.get(combinator);
  if (kind === undefined) throw parameterInvalid(`Invalid type of filter: ${combinator}.`);
  if (kind === "not" && subFilters.length !== 1) {
    throw parameterInvalid("Invalid NOT operator: the number of sub-filters must be 1.");
  }
  if (kind !== "not" && subFilters.length !== 2) {
    throw parameterInvalid("Invalid AND/OR operator: the number of sub-filters must be 2.");
  }
  return { kind, parts: subFilters.map((part) => parseNode(part.type, part.filter, rules)) };
}

const comparisons = (filter: Filter): number =>
  filter.kind === "compare" ? 1 : filter.parts.reduce((sum, part) => sum + comparisons(part), 0);

function parse(type: number, bytes: Uint8Array, rules: FilterRules): Filter {
  const filter = parseNode(type, bytes, rules);
  if (comparisons(filter) > rules.limits.conditionsPerRequest) {
    throw parameterInvalid(`The count of filter exceeds the max:${rules.limits.conditionsPerRequest}.`);
  }
  return filter;
}

/** The column condition of a write. */
export function parseCondition(bytes: Uint8Array, rules: FilterRules): Filter {
  const { type, filter } = decodeFilter("Filter", bytes);
  return parse(type, filter, rules);
}

/** The filter of a read. */
export function parseFilter(bytes: Uint8Array, rules: FilterRules): Filter | Pagination {
  const { type, filter } = decodeFilter("Filter", bytes);
  if (type !== FilterType.pagination) return parse(type, filter, rules);
  const { offset, limit } = decodeFilter("ColumnPaginationFilter", filter);
  if (offset < 0) throw parameterInvalid("Offset in ColumnPaginationFilter must be greater than or equal to 0.");
  if (limit <= 0) throw parameterInvalid("Limit in ColumnPaginationFilter must be greater than 0.");
  return { kind: "pagination", offset, limit };
}

function cellHolds(filter: Filter & { kind: "compare" }, cell: Cell, readings: Readings): boolean {
  const order = compareValues(cell.value, filter.constant);
  if (order !== undefined) return HOLDS.get(filter.comparator)?.(order) === true;
  // A value of another type is not equal; whether it is unequal, or larger, is open.
  if (filter.comparator !== EQUAL) readings.check("other-type");
  return false;
}

/** Whether the columns are as the filter wants them. */
export function holds(filter: Filter, columns: Columns, readings: Readings): boolean {
  switch (filter.kind) {
    case "compare": {
      const cells = columns.get(filter.column);
      if (cells === undefined) return filter.passIfMissing;
      const counted = filter.latestOnly ? cells.slice(0, 1) : cells;
      return counted.some((cell) => cellHolds(filter, cell, readings));
    }
    case "not":
      return filter.parts.every((part) => !holds(part, columns, readings));
    case "and":
      return filter.parts.every((part) => holds(part, columns, readings));
    case "or":
      return filter.parts.some((part) => holds(part, columns, readings));
  }
}
