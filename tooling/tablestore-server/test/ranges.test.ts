import { expect, test } from "vitest";
import { type Client, createTable, errorOf, ignore, Long, list, plain, sdk, started } from "./npm-sdk.js";

const { FORWARD, BACKWARD } = sdk.Direction;

const put = (client: Client, primaryKey: object[], columns: Record<string, unknown> = { a: "1" }) =>
  client.putRow({ tableName: "t", condition: ignore, primaryKey, attributeColumns: list(columns) });

/** One page; the whole table if nothing else is said. */
async function page(client: Client, keys: string[], params: Record<string, unknown> = {}) {
  const backward = params.direction === BACKWARD;
  const all = (mark: object) => list(Object.fromEntries(keys.map((key) => [key, mark])));
  const { rows, nextStartPrimaryKey } = await client.getRange({
    tableName: "t",
    direction: FORWARD,
    inclusiveStartPrimaryKey: all(backward ? sdk.INF_MAX : sdk.INF_MIN),
    exclusiveEndPrimaryKey: all(backward ? sdk.INF_MIN : sdk.INF_MAX),
    maxVersions: 1,
    ...params,
  });
  return { rows: rows.map(plain), next: nextStartPrimaryKey && plain({ primaryKey: nextStartPrimaryKey }).key };
}

/** All rows, page by page. */
async function walk(client: Client, keys: string[], params: Record<string, unknown> = {}) {
  const sizes: number[] = [];
  const rows = [];
  let start: object = {};
  for (;;) {
    const { rows: some, next } = await page(client, keys, { ...params, ...start });
    sizes.push(some.length);
    rows.push(...some);
    if (next === null) return { rows, sizes };
    const value = (part: unknown) => (typeof part === "bigint" ? Long.fromString(String(part)) : part);
    start = {
      inclusiveStartPrimaryKey: list(
        Object.fromEntries(Object.entries(next).map(([name, part]) => [name, value(part)])),
      ),
    };
  }
}

test("rows are in the order of signed numbers and of UTF-8's bytes", async () => {
  const { client } = await started();
  await createTable(client, "t", { who: "STRING", at: "INTEGER" });
  const names = ["a", "a\0", "a\0b", "ab", "b", "é", "\uffff", "😀"];
  const numbers = ["-9223372036854775808", "-1", "0", "9223372036854775807"];
  const expected = names.flatMap((who) => numbers.map((at) => ({ who, at: BigInt(at) })));
  for (const { who, at } of [...expected].reverse()) await put(client, list({ who, at: Long.fromString(String(at)) }));
  const { rows } = await page(client, ["who", "at"]);
  expect(rows.map(({ key }) => key)).toEqual(expected);
  const backward = await page(client, ["who", "at"], { direction: BACKWARD });
  expect(backward.rows.map(({ key }) => key)).toEqual(expected.reverse());
});

async function numbers(count: number, options = {}) {
  const { client } = await started(options);
  await createTable(client, "t", { id: "INTEGER" });
  for (let id = 0; id < count; id++) {
    await put(client, list({ id: Long.fromNumber(id) }), id % 2 === 0 ? { even: "1" } : { odd: "x".repeat(1_000) });
  }
  return client;
}
const id = (number: number) => list({ id: Long.fromNumber(number) });
const ids = (rows: { key: Record<string, unknown> }[]) => rows.map(({ key }) => Number(key.id));

test("the start is included, the end is not, both ways", async () => {
  const client = await numbers(6);
  const forward = { inclusiveStartPrimaryKey: id(1), exclusiveEndPrimaryKey: id(4) };
  expect(ids((await page(client, ["id"], forward)).rows)).toEqual([1, 2, 3]);
  const backward = { direction: BACKWARD, inclusiveStartPrimaryKey: id(4), exclusiveEndPrimaryKey: id(1) };
  expect(ids((await page(client, ["id"], backward)).rows)).toEqual([4, 3, 2]);
  const between = { ...backward, inclusiveStartPrimaryKey: id(100) };
  expect(ids((await page(client, ["id"], between)).rows)).toEqual([5, 4, 3, 2]);
});

test("a range that leads nowhere is refused", async () => {
  const client = await numbers(0);
  const same = { inclusiveStartPrimaryKey: id(1), exclusiveEndPrimaryKey: id(1) };
  expect((await errorOf(page(client, ["id"], same))).message).toBe("Begin key must less than end key in FORWARD");
  expect((await errorOf(page(client, ["id"], { ...same, direction: BACKWARD }))).message).toBe(
    "Begin key must more than end key in BACKWARD",
  );
  expect((await errorOf(page(client, ["id"], { limit: -1 }))).message).toBe("The limit must be greater than 0.");
});

test("pages end at the limit, and a full one says that there may be more", async () => {
  const client = await numbers(6);
  expect(await page(client, ["id"], { limit: 4 })).toMatchObject({ next: { id: 4n } });
  expect(await page(client, ["id"], { limit: 7 })).toMatchObject({ next: null });
  for (const direction of [FORWARD, BACKWARD]) {
    const { rows, sizes } = await walk(client, ["id"], { limit: 3, direction });
    expect(ids(rows)).toEqual(direction === FORWARD ? [0, 1, 2, 3, 4, 5] : [5, 4, 3, 2, 1, 0]);
    // Nobody knows whether the service does this. A client has to be ready for it.
    expect(sizes).toEqual([3, 3, 0]);
  }
});

test("pages end at the number of rows and of bytes that are read", async () => {
  const byRows = await numbers(6, { limits: { rowsPerRange: 4 } });
  expect((await walk(byRows, ["id"])).sizes).toEqual([4, 2]);
  const byBytes = await numbers(6, { limits: { bytesPerRange: 2_100 } });
  const { rows, sizes } = await walk(byBytes, ["id"]);
  expect(ids(rows)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(sizes).toEqual([5, 1]);
  // A row that is larger than a page is a page of its own.
  const tiny = await numbers(6, { limits: { bytesPerRange: 1 } });
  expect((await walk(tiny, ["id"])).sizes).toEqual([1, 1, 1, 1, 1, 1]);
});

test("rows without any of the columns are left out, but count", async () => {
  const client = await numbers(6, { limits: { bytesPerRange: 2_100 } });
  const { rows, sizes } = await walk(client, ["id"], { columnsToGet: ["even"], limit: 2 });
  expect(ids(rows)).toEqual([0, 2, 4]);
  expect(sizes).toEqual([1, 1, 1, 0]);
});

test("a filter sees the chosen columns only", async () => {
  const client = await numbers(6);
  const columnFilter = new sdk.SingleColumnCondition("even", "1", sdk.ComparatorType.EQUAL, false);
  expect(ids((await page(client, ["id"], { columnFilter })).rows)).toEqual([0, 2, 4]);
  await put(client, id(6), { even: "2", odd: "x" });
  const onOdd = new sdk.SingleColumnCondition("odd", "x", sdk.ComparatorType.EQUAL, false);
  expect(ids((await page(client, ["id"], { columnFilter: onOdd })).rows)).toEqual([6]);
  expect((await page(client, ["id"], { columnFilter: onOdd, columnsToGet: ["even"] })).rows).toEqual([]);
});

test("names of the primary key among the columns are refused, for want of knowledge", async () => {
  const { message } = await errorOf(page(await numbers(1), ["id"], { columnsToGet: ["id"] }));
  expect(message).toMatch(/unknown: key-in-columns-to-get/);
  const client = await numbers(2, { accept: ["key-in-columns-to-get"] });
  const { rows } = await page(client, ["id"], { columnsToGet: ["id", "even"] });
  expect(rows.map(({ columns }) => columns)).toEqual([{ even: "1" }, {}]);
});
