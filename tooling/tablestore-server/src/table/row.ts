import { sizeOf, type Value } from "../wire/values.js";

/** One version of a column. */
export interface Cell {
  /** Milliseconds. */
  readonly timestamp: number;
  readonly value: Value;
}

/** Column names to versions, the newest first; never to an empty list. */
export type Columns = ReadonlyMap<string, readonly Cell[]>;

export interface StoredRow {
  readonly key: readonly Value[];
  readonly columns: Columns;
  /** When the row was last written. Decides how long a row without columns lives. */
  readonly writtenAt: number;
}

export interface Retention {
  /** -1: for ever. */
  readonly timeToLiveSeconds: number;
  readonly maxVersions: number;
}

const expired = (timestamp: number, now: number, { timeToLiveSeconds }: Retention) =>
  timeToLiveSeconds !== -1 && timestamp + timeToLiveSeconds * 1000 <= now;

/**
 * The row as it is to be seen now, without the versions that are expired or too many; undefined if it is not there any more.
 * A row goes with its last version. One whose columns were all deleted stays until its last write is expired.
 */
export function visibleRow(row: StoredRow | undefined, now: number, retention: Retention): StoredRow | undefined {
  if (row === undefined) return undefined;
  if (row.columns.size === 0) return expired(row.writtenAt, now, retention) ? undefined : row;
  const columns = new Map<string, readonly Cell[]>();
  for (const [name, cells] of row.columns) {
    const kept = cells.filter(({ timestamp }) => !expired(timestamp, now, retention)).slice(0, retention.maxVersions);
    if (kept.length > 0) columns.set(name, kept);
  }
  return columns.size === 0 ? undefined : { ...row, columns };
}

export function withCell(cells: readonly Cell[], cell: Cell): Cell[] {
  const others = cells.filter(({ timestamp }) => timestamp !== cell.timestamp);
  return [...others, cell].sort((a, b) => b.timestamp - a.timestamp);
}

/** Bytes, as limits and capacity units count them. */
export function keySize(names: readonly string[], key: readonly Value[]): number {
  return names.reduce((sum, name, index) => sum + Buffer.byteLength(name) + sizeOf(key[index] as Value), 0);
}

export function columnsSize(columns: Columns): number {
  let size = 0;
  for (const [name, cells] of columns) {
    for (const { value } of cells) size += Buffer.byteLength(name) + sizeOf(value);
  }
  return size;
}
