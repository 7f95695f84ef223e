import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import type { OrderedKey } from "./table/key.js";
import type { Cell, StoredRow } from "./table/row.js";
import type { TableSettings } from "./table/schema.js";
import type { Value } from "./wire/values.js";

/** What is written to disk, one line of JSON for each, in the order in which it happened. */
export type Entry =
  | { readonly kind: "table"; readonly settings: TableSettings; readonly readyAt: number }
  | { readonly kind: "drop"; readonly table: string }
  | { readonly kind: "row"; readonly table: string; readonly key: OrderedKey; readonly row: StoredRow | undefined };

type PackedValue = [Value["type"], string | number | boolean];

function packValue(value: Value): PackedValue {
  switch (value.type) {
    case "integer":
      return [value.type, String(value.value)];
    case "string":
    case "binary":
      return [value.type, value.value.toString("base64")];
    default:
      return [value.type, value.value];
  }
}

function unpackValue([type, value]: PackedValue): Value {
  switch (type) {
    case "integer":
      return { type, value: BigInt(value) };
    case "double":
      return { type, value: Number(value) };
    case "boolean":
      return { type, value: value === true };
    case "string":
    case "binary":
      return { type, value: Buffer.from(String(value), "base64") };
  }
}

interface PackedRow {
  key: PackedValue[];
  columns: [string, [number, PackedValue][]][];
  writtenAt: number;
}

const packRow = ({ key, columns, writtenAt }: StoredRow): PackedRow => ({
  key: key.map(packValue),
  columns: [...columns].map(([name, cells]) => [
    name,
    cells.map(({ timestamp, value }) => [timestamp, packValue(value)]),
  ]),
  writtenAt,
});

const unpackCell = ([timestamp, value]: [number, PackedValue]): Cell => ({ timestamp, value: unpackValue(value) });

const unpackRow = ({ key, columns, writtenAt }: PackedRow): StoredRow => ({
  key: key.map(unpackValue),
  columns: new Map(columns.map(([name, cells]) => [name, cells.map(unpackCell)])),
  writtenAt,
});

function pack(entry: Entry): string {
  return JSON.stringify(
    entry.kind === "row" && entry.row !== undefined ? { ...entry, row: packRow(entry.row) } : entry,
  );
}

function unpack(line: string): Entry {
  const entry = JSON.parse(line);
  return entry.kind === "row" ? { ...entry, row: entry.row && unpackRow(entry.row) } : entry;
}

/**
 * A file to which everything is appended before it is acknowledged. It is handed to the operating system, not forced to the
 * disk: it outlives a killed process, not a machine that loses its power.
 */
export class Journal {
  private readonly file: number;

  private constructor(path: string) {
    this.file = openSync(path, "a");
  }

  /** Also gives what is in the file. An unfinished last line was never acknowledged, and is cut off. */
  static open(path: string): { journal: Journal; entries: Entry[] } {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
    const entries = whole.split("\n").filter(Boolean).map(unpack);
    return { journal: new Journal(path), entries };
  }

  append(entry: Entry): void {
    const bytes = Buffer.from(`${pack(entry)}\n`);
    let written = 0;
    while (written < bytes.length) written += writeSync(this.file, bytes, written);
  }

  close(): void {
    closeSync(this.file);
  }
}
