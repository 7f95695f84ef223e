import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { BrokenRow, decodeConstant, decodeRow, encodeRows, type PlainRow } from "../src/wire/plain-buffer.js";
import { list, sdk } from "./npm-sdk.js";

// Against the npm SDK's own writer of PlainBuffer.
const { PlainBufferBuilder, Long } = createRequire(import.meta.url)("tablestore");

const text = (value: string) => ({ type: "string" as const, value: Buffer.from(value) });
const integer = (value: bigint) => ({ type: "integer" as const, value });

const put: PlainRow = {
  key: [
    { name: "who", value: text("é\0😀") },
    { name: "at", value: integer(-9223372036854775808n) },
    { name: "bytes", value: { type: "binary", value: Buffer.from([0, 255]) } },
  ],
  cells: [
    { name: "text", value: text("") },
    { name: "big", value: integer(9223372036854775807n) },
    { name: "half", value: { type: "double", value: -0.5 } },
    { name: "yes", value: { type: "boolean", value: true } },
    { name: "old", value: text("x"), timestamp: 1234567890123n },
  ],
  deleted: false,
};
const putBytes: Buffer = PlainBufferBuilder.serializeForPutRow(
  list({ who: "é\0😀", at: Long.fromString("-9223372036854775808"), bytes: Buffer.from([0, 255]) }),
  [
    ...list({ text: "", big: Long.fromString("9223372036854775807"), half: -0.5, yes: true }),
    { old: "x", timestamp: 1234567890123 },
  ],
);

test("a row is read as the SDK writes it, and written as the SDK does", () => {
  expect(decodeRow(putBytes)).toEqual(put);
  expect(encodeRows([put])).toEqual(putBytes);
});

test("an update is read as the SDK writes it", () => {
  const bytes = PlainBufferBuilder.serializeForUpdateRow(list({ id: Long.fromNumber(1) }), [
    { PUT: list({ a: "1" }) },
    { DELETE: list({ b: Long.fromNumber(7) }) },
    { DELETE_ALL: ["c"] },
    { INCREMENT: list({ n: Long.fromNumber(2) }) },
  ]);
  expect(decodeRow(bytes)).toEqual({
    key: [{ name: "id", value: integer(1n) }],
    cells: [
      { name: "a", value: text("1") },
      expect.objectContaining({ name: "b", operation: "delete-one" }),
      { name: "c", operation: "delete-all" },
      { name: "n", value: integer(2n), operation: "increment" },
    ],
    deleted: false,
  });
});

test("a row to be deleted is marked", () => {
  expect(decodeRow(PlainBufferBuilder.serializeForDeleteRow(list({ id: "x" }))).deleted).toBe(true);
});

test("the zeros that the SDK sends behind a key with INF_MIN are left alone", () => {
  const bytes: Buffer = PlainBufferBuilder.serializePrimaryKey(list({ a: sdk.INF_MIN, b: sdk.INF_MAX }));
  expect(bytes.subarray(-2)).toEqual(Buffer.alloc(2));
  expect(decodeRow(bytes).key.map(({ value }) => value.type)).toEqual(["min", "max"]);
});

test("a constant of a condition is read as the SDK writes it", () => {
  for (const value of ["é", 0.5, true, Buffer.from([1])]) {
    expect(decodeConstant(PlainBufferBuilder.serializeColumnValue(value))).toMatchObject({
      value: typeof value === "string" ? Buffer.from(value) : value,
    });
  }
});

test("rows stand one behind the other, and no rows are no bytes", () => {
  const [one, two] = [encodeRows([put]), encodeRows([put, put])];
  expect(two.length).toBe(2 * one.length - 4);
  expect(encodeRows([])).toEqual(Buffer.alloc(0));
});

test("any bit that is wrong is noticed", () => {
  for (let bit = 0; bit < putBytes.length * 8; bit++) {
    const bytes = Buffer.from(putBytes);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => decodeRow(bytes), `bit ${bit}`).toThrow(BrokenRow);
  }
});

test("anything shorter is noticed", () => {
  for (let length = 0; length < putBytes.length; length++) {
    expect(() => decodeRow(putBytes.subarray(0, length)), `${length} bytes`).toThrow(BrokenRow);
  }
});

test("a number that is none, and text that is no UTF-8, are refused", () => {
  const row = (value: PlainRow["cells"][number]["value"]) =>
    encodeRows([{ ...put, cells: [{ name: "a", ...(value === undefined ? {} : { value }) }] }]);
  expect(() => decodeRow(row({ type: "double", value: Number.NaN }))).toThrow("NaN can't be set");
  expect(() => decodeRow(row({ type: "double", value: Number.POSITIVE_INFINITY }))).toThrow("Infinity can't be set");
  expect(() => decodeRow(row({ type: "string", value: Buffer.from([0xff]) }))).toThrow("must be UTF8 encoding");
});
