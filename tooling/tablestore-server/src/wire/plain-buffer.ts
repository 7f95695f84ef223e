import { crc8, crc8OfByte } from "./crc8.js";
import type { KeyValue, Value } from "./values.js";

/**
 * PlainBuffer, in which Tablestore writes rows inside of its protobuf messages: a header, then for each row its primary key,
 * its attribute cells, perhaps a mark that it is to be deleted, and a checksum. Every cell has a checksum as well.
 */
export interface PlainRow {
  readonly key: readonly KeyColumn[];
  readonly cells: readonly PlainCell[];
  /** That the row is to be deleted. */
  readonly deleted: boolean;
}

export interface KeyColumn {
  readonly name: string;
  readonly value: KeyValue;
}

export interface PlainCell {
  readonly name: string;
  /** Absent in cells that delete. */
  readonly value?: Value;
  readonly operation?: CellOperation;
  /** Milliseconds. */
  readonly timestamp?: bigint;
}

export type CellOperation = "delete-all" | "delete-one" | "increment";

/** Bytes that are no PlainBuffer, with what the service says about them. */
export class BrokenRow extends Error {}

const HEADER = 0x75;

const Tag = {
  key: 0x01,
  data: 0x02,
  cell: 0x03,
  name: 0x04,
  value: 0x05,
  operation: 0x06,
  timestamp: 0x07,
  deleteMarker: 0x08,
  rowChecksum: 0x09,
  cellChecksum: 0x0a,
} as const;

const Variant = {
  integer: 0x00,
  double: 0x01,
  boolean: 0x02,
  string: 0x03,
  binary: 0x07,
  min: 0x09,
  max: 0x0a,
  "auto-increment": 0x0b,
} as const;

const OPERATIONS: ReadonlyMap<number, CellOperation> = new Map([
  [0x01, "delete-all"],
  [0x03, "delete-one"],
  [0x04, "increment"],
]);

const OPERATION_CODES = new Map([...OPERATIONS].map(([code, operation]) => [operation, code]));

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function text(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new BrokenRow(`Value of column ${what} must be UTF8 encoding.`);
  }
}

class Reader {
  position = 0;
  constructor(readonly bytes: Buffer) {}

  take(length: number): Buffer {
    if (length < 0 || this.position + length > this.bytes.length) throw new BrokenRow("data format is invalid.");
    const part = this.bytes.subarray(this.position, this.position + length);
    this.position += length;
    return part;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  length(): number {
    return this.take(4).readUInt32LE();
  }

  /** The next tag, or 0 at the end. */
  peek(): number {
    return this.bytes[this.position] ?? 0;
  }

  /** Whether the next tag is this one, which is then taken. */
  next(tag: number): boolean {
    if (this.peek() !== tag) return false;
    this.position += 1;
    return true;
  }

  expect(tag: number): void {
    const actual = this.peek();
    if (!this.next(tag)) {
      throw new BrokenRow(`Cell data broken, mismatch tag, actual tag(${actual}), expect(${tag}).`);
    }
  }
}

/** A type byte and what follows it. Rows have a length before it; the constants of conditions do not. */
function readVariant(reader: Reader, name: string): KeyValue {
  const type = reader.byte();
  switch (type) {
    case Variant.integer:
      return { type: "integer", value: reader.take(8).readBigInt64LE() };
    case Variant.double:
      return { type: "double", value: finite(reader.take(8).readDoubleLE()) };
    case Variant.boolean: {
      const value = reader.byte();
      if (value > 1) throw new BrokenRow("Invalid boolean real value.");
      return { type: "boolean", value: value === 1 };
    }
    case Variant.string: {
      const value = reader.take(reader.length());
      text(value, name);
      return { type: "string", value };
    }
    case Variant.binary:
      return { type: "binary", value: reader.take(reader.length()) };
    case Variant.min:
      return { type: "min" };
    case Variant.max:
      return { type: "max" };
    case Variant["auto-increment"]:
      return { type: "auto-increment" };
    default:
      throw new BrokenRow("data format is invalid, unknown variant type occured.");
  }
}

function finite(value: number): number {
  if (Number.isNaN(value)) throw new BrokenRow("NaN can't be set to double value.");
  if (!Number.isFinite(value)) throw new BrokenRow("Infinity can't be set to double value.");
  return value;
}

const isMark = (value: KeyValue) => value.type === "min" || value.type === "max" || value.type === "auto-increment";

interface ReadCell extends Omit<PlainCell, "value"> {
  readonly value?: KeyValue;
  readonly checksum: number;
}

function readCell(reader: Reader): ReadCell {
  reader.expect(Tag.cell);
  reader.expect(Tag.name);
  const nameBytes = reader.take(reader.length());
  const name = text(nameBytes, "name");
  // The checksum covers name, value, timestamp and operation in this order, though the operation is written before the timestamp.
  let checksum = crc8(0, nameBytes);
  let value: KeyValue | undefined;
  if (reader.next(Tag.value)) {
    const length = reader.length();
    const start = reader.position;
    value = readVariant(reader, name);
    if (reader.position - start !== length) {
      throw new BrokenRow("Cell data broken, has more data in cell, but they can't be parsed.");
    }
    checksum = crc8(checksum, reader.bytes.subarray(start, reader.position));
  }
  const code = reader.next(Tag.operation) ? reader.byte() : undefined;
  const operation = code === undefined ? undefined : OPERATIONS.get(code);
  if (code !== undefined && operation === undefined) throw new BrokenRow(`Invalid op type of cell: ${code}.`);
  let timestamp: bigint | undefined;
  if (reader.next(Tag.timestamp)) {
    const bytes = reader.take(8);
    timestamp = bytes.readBigInt64LE();
    checksum = crc8(checksum, bytes);
  }
  if (code !== undefined) checksum = crc8OfByte(checksum, code);
  if (!reader.next(Tag.cellChecksum)) throw new BrokenRow(`Invalid Column(${name}): missing checksum.`);
  const given = reader.byte();
  if (given !== checksum) throw new BrokenRow(`Cell data broken, checksum is mismatch, ${given} :${checksum} :`);
  return {
    name,
    checksum,
    ...(value === undefined ? {} : { value }),
    ...(operation === undefined ? {} : { operation }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

function keyColumn({ name, value, operation, timestamp }: ReadCell): KeyColumn {
  if (value === undefined) throw new BrokenRow(`Cell data broken, PK value cannot be NULL, name: ${name}.`);
  if (operation !== undefined) throw new BrokenRow(`OpType cannot be given for primary key name :${name}.`);
  if (timestamp !== undefined) throw new BrokenRow(`Timestamp cannot be given for primary key name:${name}.`);
  return { name, value };
}

function attribute({ checksum, value, ...cell }: ReadCell): PlainCell {
  if (value === undefined) return cell;
  if (isMark(value)) throw new BrokenRow(`${value.type} is an invalid type for the attribute column.`);
  return { ...cell, value: value as Value };
}

/**
 * The row in a request. Throws `BrokenRow`. What follows the row's checksum is left alone: the npm SDK counts one byte too
 * many for every INF_MIN, INF_MAX and PK_AUTO_INCR and sends as many zeros at the end.
 */
export function decodeRow(bytes: Uint8Array): PlainRow {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const header = reader.length();
  if (header !== HEADER) {
    throw new BrokenRow(`Cell data broken, mismatch header, actual: ${header} , expect: ${HEADER}.`);
  }
  let checksum = 0;
  const column = () => {
    const cell = readCell(reader);
    checksum = crc8OfByte(checksum, cell.checksum);
    return cell;
  };
  const key: KeyColumn[] = [];
  const cells: PlainCell[] = [];
  reader.expect(Tag.key);
  while (reader.peek() === Tag.cell) key.push(keyColumn(column()));
  if (key.length === 0) throw new BrokenRow("Cell data broken, PK is empty.");
  if (reader.next(Tag.data)) while (reader.peek() === Tag.cell) cells.push(attribute(column()));
  const deleted = reader.next(Tag.deleteMarker);
  checksum = crc8OfByte(checksum, deleted ? 1 : 0);
  if (!reader.next(Tag.rowChecksum)) throw new BrokenRow("Cell data broken, row is not end with checksum tag.");
  const given = reader.byte();
  if (given !== checksum) throw new BrokenRow(`Cell data broken, checksum is mismatch, ${given} :${checksum} :`);
  return { key, cells, deleted };
}

/** The constant that a condition compares with. Throws `BrokenRow`. */
export function decodeConstant(bytes: Uint8Array): Value {
  const value = readVariant(new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)), "value");
  if (isMark(value)) throw new BrokenRow("data format is invalid, unknown variant type occured.");
  return value as Value;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function encodeVariant(value: KeyValue): Buffer {
  const type = Buffer.of(Variant[value.type]);
  switch (value.type) {
    case "integer": {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value.value);
      return Buffer.concat([type, bytes]);
    }
    case "double": {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value.value);
      return Buffer.concat([type, bytes]);
    }
    case "boolean":
      return Buffer.concat([type, Buffer.of(value.value ? 1 : 0)]);
    case "string":
    case "binary":
      return Buffer.concat([type, uint32(value.value.length), value.value]);
    default:
      return type;
  }
}

class Writer {
  readonly parts: Buffer[] = [];
  checksum = 0;

  cell({ name, value, operation, timestamp }: Omit<PlainCell, "value"> & { readonly value?: KeyValue }): void {
    const nameBytes = Buffer.from(name);
    this.parts.push(Buffer.of(Tag.cell, Tag.name), uint32(nameBytes.length), nameBytes);
    let checksum = crc8(0, nameBytes);
    if (value !== undefined) {
      const variant = encodeVariant(value);
      this.parts.push(Buffer.of(Tag.value), uint32(variant.length), variant);
      checksum = crc8(checksum, variant);
    }
    const code = operation === undefined ? undefined : OPERATION_CODES.get(operation);
    if (code !== undefined) this.parts.push(Buffer.of(Tag.operation, code));
    if (timestamp !== undefined) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(timestamp);
      this.parts.push(Buffer.of(Tag.timestamp), bytes);
      checksum = crc8(checksum, bytes);
    }
    if (code !== undefined) checksum = crc8OfByte(checksum, code);
    this.parts.push(Buffer.of(Tag.cellChecksum, checksum));
    this.checksum = crc8OfByte(this.checksum, checksum);
  }

  row({ key, cells, deleted }: PlainRow): void {
    this.checksum = 0;
    this.parts.push(Buffer.of(Tag.key));
    for (const column of key) this.cell(column);
    if (cells.length > 0) {
      this.parts.push(Buffer.of(Tag.data));
      for (const cell of cells) this.cell(cell);
    }
    if (deleted) this.parts.push(Buffer.of(Tag.deleteMarker));
    this.parts.push(Buffer.of(Tag.rowChecksum, crc8OfByte(this.checksum, deleted ? 1 : 0)));
  }
}

/** Rows one after another under one header; no rows are no bytes, which is how the service says that there is none. */
export function encodeRows(rows: readonly PlainRow[]): Buffer {
  if (rows.length === 0) return Buffer.alloc(0);
  const writer = new Writer();
  writer.parts.push(uint32(HEADER));
  for (const row of rows) writer.row(row);
  return Buffer.concat(writer.parts);
}
