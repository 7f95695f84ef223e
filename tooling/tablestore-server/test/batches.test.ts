import { expect, test } from "vitest";
import { type Client, createTable, errorOf, expectExist, ignore, Long, list, plain, sdk, started } from "./npm-sdk.js";

const id = (number: number) => list({ id: Long.fromNumber(number) });
const put = (number: number, more = {}) => ({
  type: "PUT",
  condition: ignore,
  primaryKey: id(number),
  attributeColumns: list({ a: "1" }),
  ...more,
});
const write = (client: Client, ...rows: object[]) => client.batchWriteRow({ tables: [{ tableName: "t", rows }] });
const read = (client: Client, ...numbers: number[]) =>
  client.batchGetRow({ tables: [{ tableName: "t", primaryKey: numbers.map(id), maxVersions: 1 }] });

async function withTable(options = {}) {
  const { server, client } = await started(options);
  await createTable(client, "t", { id: "INTEGER" });
  return { server, client };
}

const present = async (client: Client, ...numbers: number[]) =>
  (await read(client, ...numbers)).tables[0]?.map(({ primaryKey }) => primaryKey !== null);

test("each row of a batch has an answer, in the order of the request", async () => {
  const { client } = await withTable();
  const { tables } = await write(
    client,
    put(1),
    put(2, { condition: expectExist }),
    { type: "UPDATE", condition: ignore, primaryKey: id(3), attributeColumns: [{ PUT: list({ b: "2" }) }] },
    { type: "DELETE", condition: expectExist, primaryKey: id(4) },
    put(5, { primaryKey: list({ other: "x" }) }),
  );
  expect(tables.map(({ isOk, errorCode }) => errorCode ?? isOk)).toEqual([
    true,
    "OTSConditionCheckFail",
    true,
    "OTSConditionCheckFail",
    "OTSInvalidPK",
  ]);
  const [rows = []] = (await read(client, 3, 2, 1)).tables;
  expect(rows.map((row) => row.primaryKey && plain(row).columns)).toEqual([{ b: "2" }, null, { a: "1" }]);
});

test("rows are written in any order", async () => {
  const { client } = await started();
  await createTable(client, "t", { who: "STRING", at: "INTEGER+" });
  const orders = new Set<string>();
  for (let batch = 0; batch < 20; batch++) {
    const returnContent = { returnType: sdk.ReturnType.Primarykey };
    const key = list({ who: "x", at: sdk.PK_AUTO_INCR });
    const { tables } = await write(
      client,
      ...[0, 1, 2].map((number) => put(number, { primaryKey: key, returnContent })),
    );
    const numbers = tables.map((row) => plain(row).key.at as bigint);
    orders.add(numbers.map((number) => numbers.filter((other) => other < number).length).join());
  }
  expect(orders.size).toBeGreaterThan(2);
});

test("an error that does not depend on what is stored fails all, and nothing is written", async () => {
  const { client } = await withTable({ limits: { attributeValueBytes: 10, rowsPerBatchWrite: 3, rowsPerBatchGet: 2 } });
  const refused = async (...rows: object[]) => (await errorOf(write(client, put(1), ...rows))).message;
  expect(await refused(put(2, { attributeColumns: list({ a: "x".repeat(11) }) }))).toMatch(/exceeded the MaxLength:10/);
  expect(await refused(put(2), put(3), put(4))).toBe("Rows count exceeds the upper limit:3.");
  expect(await refused(put(1))).toBe("Duplicate rows detected in BatchWriteRow.");
  expect(await present(client, 1, 2)).toEqual([false, false]);
  expect((await errorOf(read(client, 1, 2, 3))).message).toBe("Rows count exceeds the upper limit:2.");
  expect((await errorOf(read(client, 1, 1))).message).toBe("Duplicate rows detected in MultiGet.");
});

test("a batch names a table that there is, once, with rows", async () => {
  const { client } = await withTable();
  const refused = async (...tables: object[]) => errorOf(client.batchWriteRow({ tables }));
  const one = { tableName: "t", rows: [put(1)] };
  expect((await refused(one, { tableName: "t", rows: [put(2)] })).message).toBe("Duplicated table name: 't'.");
  expect((await refused({ tableName: "t", rows: [] })).message).toBe("No operation is specified for table: 't'.");
  expect((await refused(one, { tableName: "none", rows: [put(1)] })).code).toBe("OTSObjectNotExist");
  expect(await present(client, 1)).toEqual([false]);
});

test("a batch has at most so many bytes", async () => {
  const { client } = await withTable({ limits: { writeBytes: 200 } });
  const large = (number: number) => put(number, { attributeColumns: list({ a: "x".repeat(100) }) });
  await write(client, large(1));
  expect((await errorOf(write(client, large(1), large(2)))).message).toMatch(
    /^The total data size of BatchWriteRow request exceeds the limit, limit size: 200 , data size:\d+\.$/,
  );
});

test("where a row may stand twice in a batch, it may have no condition", async () => {
  const { client } = await withTable({ accept: ["repeated-rows"] });
  const change = {
    type: "UPDATE",
    condition: ignore,
    primaryKey: id(1),
    attributeColumns: [{ PUT: list({ b: "1" }) }],
  };
  expect((await write(client, put(1), change)).tables.map(({ isOk }) => isOk)).toEqual([true, true]);
  expect((await errorOf(write(client, put(1), put(1, { condition: expectExist })))).message).toBe(
    "Repeated rows do not support row condition check in BatchModify.",
  );
});
