import { randomInt } from "node:crypto";
import type { Readings } from "../doubtful.js";
import { conditionFailed, parameterInvalid } from "../errors.js";
import type { Limits } from "../limits.js";
import { type Consumed, ReturnType, RowExistence, type RowWrite, type Selection } from "../wire/messages.js";
import {
  BrokenRow,
  decodeRow,
  encodeRows,
  type KeyColumn,
  type PlainCell,
  type PlainRow,
} from "../wire/plain-buffer.js";
import type { KeyValue, Value } from "../wire/values.js";
import { type Filter, type FilterRules, holds, parseCondition } from "./conditions.js";
import { keyColumns, neighbour, newRowKey, type OrderedKey, orderedKey, rangeKey, rowKey } from "./key.js";
import { columnsSize, keySize, type StoredRow, visibleRow } from "./row.js";
import type { TableSettings } from "./schema.js";
import { planRead, readCells } from "./selection.js";
import { SortedMap } from "./sorted-map.js";
import { checkWrite, columnsAfter, type WriteKind } from "./writes.js";

export interface TableContext {
  readonly limits: Limits;
  readonly readings: Readings;
  /** Milliseconds. */
  readonly now: () => number;
  /** Called with every row that was written (undefined: deleted), before the write is answered. */
  readonly written: (table: string, key: OrderedKey, row: StoredRow | undefined) => void;
}

export interface RowResult {
  readonly consumed: Consumed;
  /** PlainBuffer; absent if there is no row to return. */
  readonly row?: Buffer;
}

export interface RangeRequest {
  readonly start: readonly KeyColumn[];
  readonly end: readonly KeyColumn[];
  readonly backward: boolean;
  readonly limit: number | undefined;
}

export interface RangeResult {
  readonly consumed: Consumed;
  readonly rows: Buffer;
  readonly next?: Buffer;
}

const CAPACITY_UNIT_BYTES = 4096;

const units = (bytes: number) => Math.max(1, Math.ceil(bytes / CAPACITY_UNIT_BYTES));

export function parseRow(bytes: Uint8Array): PlainRow {
  try {
    return decodeRow(bytes);
  } catch (error) {
    if (error instanceof BrokenRow) throw parameterInvalid(error.message);
    throw error;
  }
}

/** One table with its rows. Every call takes effect at once and as a whole. */
export class Table {
  private readonly rows = new SortedMap<StoredRow>();
  private lastGenerated = 0n;

  constructor(
    public settings: TableSettings,
    private readonly context: TableContext,
  ) {}

  /** Puts back what `written` once reported. */
  restore(key: OrderedKey, row: StoredRow | undefined): void {
    if (row === undefined) this.rows.delete(key);
    else this.rows.set(key, row);
    const index = this.settings.schema.findIndex(({ autoIncrement }) => autoIncrement);
    const value = row?.key[index];
    if (value?.type === "integer" && value.value > this.lastGenerated) this.lastGenerated = value.value;
  }

  get(primaryKey: Uint8Array, selection: Selection): RowResult {
    const rules = this.rules();
    const plan = planRead(selection, rules);
    const key = this.key(parseRow(primaryKey));
    const row = this.visible(orderedKey(key));
    const cells = row && readCells(row.columns, plan, rules);
    const size = row === undefined ? 0 : this.size(row);
    const plain = cells === undefined ? [] : [this.plain(key, cells)];
    return { consumed: { capacityUnit: { read: units(size), write: 0 } }, row: encodeRows(plain) };
  }

  /**
   * Checks a write and gives the function that does it. That one throws for what depends on the stored row; everything else
   * is thrown here, so that a batch can check all its rows first.
   */
  prepare(kind: WriteKind, bytes: Uint8Array, { condition, returnContent }: RowWrite): PreparedWrite {
    const { settings } = this;
    const { limits, readings } = this.context;
    const plain = parseRow(bytes);
    const { values, generated } =
      kind === "put"
        ? newRowKey(settings.schema, plain.key, limits, readings)
        : { values: this.key(plain), generated: -1 };
    checkWrite(plain, bytes.length, kind, settings, limits, readings);
    const { rowExistence, columnCondition } = condition;
    const filter = columnCondition === undefined ? undefined : parseCondition(columnCondition, this.rules());
    if (rowExistence === RowExistence.EXPECT_NOT_EXIST && kind !== "put") readings.check("expect-not-exist");
    this.checkAutoIncrement(generated, rowExistence, filter, kind);
    const returned = returnedRow(returnContent, plain.cells);
    return {
      identity: generated === -1 ? orderedKey(values) : undefined,
      conditional: rowExistence !== RowExistence.IGNORE || filter !== undefined,
      run: () => {
        const key = this.withGenerated(values, generated);
        const id = orderedKey(key);
        const now = this.context.now();
        const old = this.visible(id);
        this.checkCondition(old, rowExistence, filter);
        const columns = kind === "delete" ? undefined : columnsAfter(old, plain.cells, kind, now, settings);
        const deletesOnly = plain.cells.every(({ value }) => value === undefined);
        // An UpdateRow that only deletes does not make a row.
        const row =
          columns === undefined || (kind === "update" && old === undefined && deletesOnly)
            ? undefined
            : { key, columns, writtenAt: now };
        if (row === undefined) this.rows.delete(id);
        else this.rows.set(id, row);
        this.context.written(settings.name, id, row);
        const size = plain.cells.reduce((sum, cell) => sum + cellSize(cell), this.keySize(key));
        const conditional = rowExistence !== RowExistence.IGNORE || filter !== undefined;
        return {
          consumed: { capacityUnit: { read: conditional ? 1 : 0, write: units(size) } },
          ...(returned === undefined ? {} : { row: encodeRows([returned(this.plain(key, []), row)]) }),
        };
      },
    };
  }

  range({ start, end, backward, limit }: RangeRequest, selection: Selection): RangeResult {
    const { limits, readings } = this.context;
    const { schema } = this.settings;
    const rules = this.rules();
    const plan = planRead(selection, rules);
    if (limit !== undefined && limit <= 0) throw parameterInvalid("The limit must be greater than 0.");
    const first = rangeKey(schema, start, limits, readings);
    const last = rangeKey(schema, end, limits, readings);
    const within = (key: OrderedKey) => (backward ? key > last : key < last);
    if (!within(first)) {
      throw parameterInvalid(
        backward ? "Begin key must more than end key in BACKWARD" : "Begin key must less than end key in FORWARD",
      );
    }
    const rows: PlainRow[] = [];
    let [scanned, bytes, counted] = [0, 0, 0];
    let previous: StoredRow | undefined;
    let next: readonly Value[] | undefined;
    for (const [key, stored] of this.rows.walk(first, backward)) {
      if (!within(key)) break;
      const size = this.size(stored);
      if (
        counted === limit ||
        scanned === limits.rowsPerRange ||
        (scanned > 0 && bytes + size > limits.bytesPerRange)
      ) {
        next = stored.key;
        break;
      }
      scanned += 1;
      bytes += size;
      previous = stored;
      const row = visibleRow(stored, this.context.now(), this.settings);
      if (row === undefined) continue;
      // A row that a filter or the chosen columns leave out counts for the limit all the same: pages may be short, or empty.
      counted += 1;
      const cells = readCells(row.columns, plan, rules);
      if (cells !== undefined) rows.push(this.plain(row.key, cells));
    }
    // Whether a page that is full says that there may be more, where there is nothing more, is not known. It does here.
    if (next === undefined && counted === limit && previous !== undefined) {
      const beyond = neighbour(previous.key, backward);
      if (beyond !== undefined && within(orderedKey(beyond))) next = beyond;
    }
    return {
      consumed: { capacityUnit: { read: units(bytes), write: 0 } },
      rows: encodeRows(rows),
      ...(next === undefined ? {} : { next: encodeRows([this.plain(next, [])]) }),
    };
  }

  private rules(): FilterRules {
    return { schema: this.settings.schema, ...this.context };
  }

  private key({ key }: PlainRow): Value[] {
    return rowKey(this.settings.schema, key, this.context.limits, this.context.readings);
  }

  private visible(key: OrderedKey): StoredRow | undefined {
    return visibleRow(this.rows.get(key), this.context.now(), this.settings);
  }

  private plain(key: readonly Value[], cells: readonly PlainCell[]): PlainRow {
    return { key: keyColumns(this.settings.schema, key), cells, deleted: false };
  }

  private keySize(key: readonly Value[]): number {
    return keySize(
      this.settings.schema.map(({ name }) => name),
      key,
    );
  }

  private size(row: StoredRow): number {
    return this.keySize(row.key) + columnsSize(row.columns);
  }

  private checkCondition(row: StoredRow | undefined, rowExistence: number, filter: Filter | undefined): void {
    if (rowExistence === RowExistence.EXPECT_EXIST && row === undefined) throw conditionFailed();
    if (rowExistence === RowExistence.EXPECT_NOT_EXIST && row !== undefined) throw conditionFailed();
    if (filter === undefined) return;
    if (row === undefined) this.context.readings.check("condition-on-missing-row");
    if (!holds(filter, row?.columns ?? new Map(), this.context.readings)) throw conditionFailed();
  }

  /** A new row gets its number from the server and has no condition; an existing one is written with EXPECT_EXIST. */
  private checkAutoIncrement(generated: number, expected: number, filter: Filter | undefined, kind: WriteKind): void {
    if (!this.settings.schema.some(({ autoIncrement }) => autoIncrement)) return;
    const expectation = Object.entries(RowExistence).find(([, value]) => value === expected)?.[0];
    if (generated !== -1) {
      if (expected !== RowExistence.IGNORE) {
        throw parameterInvalid(`Invalid expect:${expectation} when modify row with pk auto increment.`);
      }
      if (filter !== undefined) throw parameterInvalid("Can't set condition when modify row with pk auto increment.");
      return;
    }
    if (expected === RowExistence.EXPECT_EXIST || kind === "delete") return;
    this.context.readings.check(
      "explicit-auto-increment",
      `Invalid expect: ${expectation} when modify a specific row for table with pk auto increment.`,
    );
  }

  /** Numbers rise, with gaps, and look like the microseconds that the service's look like. */
  private withGenerated(values: readonly KeyValue[], index: number): Value[] {
    if (index === -1) return [...values] as Value[];
    const clock = BigInt(Math.floor(this.context.now())) * 1000n;
    const after = this.lastGenerated + BigInt(randomInt(1, 1000));
    this.lastGenerated = clock > after ? clock : after;
    return values.map((value, at) =>
      at === index ? { type: "integer", value: this.lastGenerated } : value,
    ) as Value[];
  }
}

export interface PreparedWrite {
  /** Which row it writes; undefined for a new one that gets its number from the server. */
  readonly identity: OrderedKey | undefined;
  readonly conditional: boolean;
  readonly run: () => RowResult;
}

function cellSize({ name, value }: PlainCell): number {
  const size = value === undefined ? 0 : columnsSize(new Map([["", [{ timestamp: 0, value }]]]));
  return Buffer.byteLength(name) + size;
}

type ReturnedRow = (key: PlainRow, row: StoredRow | undefined) => PlainRow;

/**
 * What a write returns of its row. After a modification: the asked columns that were incremented, and no primary key, as it is
 * not known whether the service sends it.
 */
function returnedRow(content: RowWrite["returnContent"], cells: readonly PlainCell[]): ReturnedRow | undefined {
  const { returnType = ReturnType.NONE, returnColumnNames = [] } = content ?? {};
  if (returnType === ReturnType.NONE) return undefined;
  if (returnType === ReturnType.PRIMARY_KEY) return (key) => key;
  const incremented = new Set(cells.flatMap(({ name, operation }) => (operation === "increment" ? [name] : [])));
  const other = returnColumnNames.find((name) => !incremented.has(name));
  if (other !== undefined) throw parameterInvalid(`Invalid return column: '${other}' is not incremented.`);
  return (_, row) => ({
    key: [],
    cells: returnColumnNames.flatMap((name) => {
      const newest = row?.columns.get(name)?.[0];
      return newest === undefined ? [] : [{ name, value: newest.value, timestamp: BigInt(newest.timestamp) }];
    }),
    deleted: false,
  });
}
