import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TablestoreServer, tablestoreServer } from "../src/index.js";
import {
  type Client,
  clientOf,
  createTable,
  errorOf,
  expectExist,
  expectNotExist,
  ignore,
  Long,
  list,
  plain,
  sdk,
} from "./npm-sdk.js";

let server: TablestoreServer;
let client: Client;

beforeAll(async () => {
  server = await tablestoreServer({ tableReadyMs: 0 });
  client = clientOf(server);
  await createTable(client, "rows", { who: "STRING", at: "INTEGER" });
  await createTable(client, "numbered", { who: "STRING", at: "INTEGER+" });
});
afterAll(() => server.close());

const at = (who: string, number: number | string) =>
  list({ who, at: typeof number === "string" ? Long.fromString(number) : Long.fromNumber(number) });

const put = (primaryKey: object[], columns: Record<string, unknown>, condition = ignore) =>
  client.putRow({ tableName: "rows", condition, primaryKey, attributeColumns: list(columns) });
const update = (primaryKey: object[], changes: object[], condition = ignore, more = {}) =>
  client.updateRow({ tableName: "rows", condition, primaryKey, updateOfAttributeColumns: changes, ...more });
const remove = (primaryKey: object[], condition = ignore) =>
  client.deleteRow({ tableName: "rows", condition, primaryKey });
const get = async (primaryKey: object[], more = {}) =>
  plain((await client.getRow({ tableName: "rows", primaryKey, maxVersions: 1, ...more })).row);

describe("one row", () => {
  test("comes back as it was put, whatever the types", async () => {
    const columns = { text: "é\0😀", empty: "", big: Long.fromString("-9223372036854775808"), half: 0.5, yes: true };
    await put(at("types", "9223372036854775807"), { ...columns, bytes: Buffer.from([0, 255]) });
    expect(await get(at("types", "9223372036854775807"))).toEqual({
      key: { who: "types", at: 9223372036854775807n },
      columns: { ...columns, big: -9223372036854775808n, bytes: Buffer.from([0, 255]) },
    });
  });

  test("that is not there is no row", async () => {
    expect((await client.getRow({ tableName: "rows", primaryKey: at("nobody", 1) })).row).toEqual({});
  });

  test("is replaced by a put, and changed by an update", async () => {
    await put(at("changed", 1), { a: "1", b: "1", n: Long.fromNumber(5) });
    await update(at("changed", 1), [
      { PUT: list({ a: "2", c: "2" }) },
      { DELETE_ALL: ["b"] },
      { INCREMENT: list({ n: Long.fromNumber(-7) }) },
    ]);
    expect((await get(at("changed", 1))).columns).toEqual({ a: "2", c: "2", n: -2n });
    await put(at("changed", 1), { d: "3" });
    expect((await get(at("changed", 1))).columns).toEqual({ d: "3" });
  });

  test("is made by an update, but not by one that only deletes", async () => {
    await update(at("made", 1), [{ PUT: list({ a: "1" }) }]);
    await update(at("made", 2), [{ DELETE_ALL: ["a"] }]);
    expect((await get(at("made", 1))).columns).toEqual({ a: "1" });
    expect((await client.getRow({ tableName: "rows", primaryKey: at("made", 2) })).row).toEqual({});
  });

  test("outlives its columns", async () => {
    await put(at("bare", 1), { a: "1" });
    await update(at("bare", 1), [{ DELETE_ALL: ["a"] }]);
    expect(await get(at("bare", 1))).toEqual({ key: { who: "bare", at: 1n }, columns: {} });
    await remove(at("bare", 1), expectExist);
  });

  test("is written on condition that it is there, or not", async () => {
    const failed = { code: "OTSConditionCheckFail", message: "Condition check failed.", status: 403 };
    await put(at("once", 1), { a: "1" }, expectNotExist);
    expect(await errorOf(put(at("once", 1), { a: "2" }, expectNotExist))).toEqual(failed);
    expect(await errorOf(put(at("once", 2), { a: "1" }, expectExist))).toEqual(failed);
    expect(await errorOf(remove(at("once", 2), expectExist))).toEqual(failed);
    await put(at("once", 1), { a: "3" }, expectExist);
    await remove(at("once", 1), expectExist);
    expect(await errorOf(update(at("once", 1), [{ PUT: list({ a: "4" }) }], expectExist))).toEqual(failed);
  });

  test("may be asked for in part", async () => {
    await put(at("part", 1), { a: "1", b: "2", c: "3" });
    expect((await get(at("part", 1), { columnsToGet: ["c", "a", "x"] })).columns).toEqual({ a: "1", c: "3" });
    const none = { tableName: "rows", primaryKey: at("part", 1), columnsToGet: ["x"] };
    expect((await client.getRow(none)).row).toEqual({});
    expect((await get(at("part", 1), { startColumn: "b", endColumn: "c" })).columns).toEqual({ b: "2" });
    const columnFilter = new sdk.ColumnPaginationFilter(1, 2);
    expect((await get(at("part", 1), { columnFilter })).columns).toEqual({ c: "3" });
  });

  test("tells what was incremented, if asked, and nothing else", async () => {
    await put(at("told", 1), { n: Long.fromNumber(1), other: "x" });
    const returnContent = { returnColumns: ["n"], returnType: sdk.ReturnType.AfterModify };
    const changes = [{ INCREMENT: list({ n: Long.fromNumber(1) }) }];
    const { row } = await update(at("told", 1), changes, ignore, { returnContent });
    expect(plain(row)).toEqual({ key: {}, columns: { n: 2n } });
  });
});

describe("AUTO_INCREMENT", () => {
  const putNumbered = (who: string, number: unknown, condition = ignore) =>
    client.putRow({
      tableName: "numbered",
      condition,
      primaryKey: list({ who, at: number }),
      attributeColumns: list({ a: "1" }),
      returnContent: { returnType: sdk.ReturnType.Primarykey },
    });

  test("gives rising numbers, with gaps", async () => {
    const numbers: bigint[] = [];
    for (let i = 0; i < 20; i++) {
      numbers.push(plain((await putNumbered("x", sdk.PK_AUTO_INCR)).row).key.at as bigint);
    }
    const steps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0n));
    expect(steps.every((step) => step > 0n)).toBe(true);
    expect(steps.some((step) => step > 1n)).toBe(true);
  });

  test("takes no condition on a new row, and no existing row without one", async () => {
    const { row } = await putNumbered("y", sdk.PK_AUTO_INCR);
    const number = row.primaryKey?.[1]?.value;
    expect((await errorOf(putNumbered("y", sdk.PK_AUTO_INCR, expectNotExist))).message).toBe(
      "Invalid expect:EXPECT_NOT_EXIST when modify row with pk auto increment.",
    );
    expect((await errorOf(putNumbered("y", number))).message).toBe(
      "Invalid expect: IGNORE when modify a specific row for table with pk auto increment.",
    );
    await putNumbered("y", number, expectExist);
  });
});

describe("a primary key", () => {
  const invalid = async (primaryKey: object[]) => {
    const { code, message } = await errorOf(client.getRow({ tableName: "rows", primaryKey }));
    return `${code}: ${message}`;
  };

  test("is the schema's, in its order", async () => {
    const one = Long.fromNumber(1);
    expect(await invalid(list({ who: "a" }))).toBe("OTSInvalidPK: Validate PK size fail. Input: 1, Meta: 2.");
    expect(await invalid(list({ at: one, who: "a" }))).toBe(
      "OTSInvalidPK: Validate PK name fail. Input: at, Meta: who.",
    );
    expect(await invalid(list({ who: one, at: one }))).toBe(
      "OTSInvalidPK: Validate PK type fail. Input: VT_INTEGER, Meta: VT_STRING.",
    );
  });

  test("has values of 1 to 1,024 bytes", async () => {
    await put(at("é".repeat(512), 1), { a: "1" });
    expect(await invalid(at(`${"é".repeat(512)}x`, 1))).toBe(
      "OTSParameterInvalid: The length of primary key column: 'who' exceeds the MaxLength: 1024 with CurrentLength: 1025.",
    );
    expect(await invalid(at("", 1))).toMatch(/^OTSParameterInvalid: .* unknown: empty-key/);
  });
});
