import { expect, test } from "vitest";
import { createTable, errorOf, ignore, list, started } from "./npm-sdk.js";

const put = (tableName: string) => ({
  tableName,
  condition: ignore,
  primaryKey: list({ id: "x" }),
  attributeColumns: list({ a: "1" }),
});

test("a table is created, described, changed, listed and deleted", async () => {
  const { client } = await started();
  await createTable(client, "one", { id: "STRING", at: "INTEGER+", more: "BINARY" });
  await createTable(client, "two", { id: "STRING" });
  const described = await client.describeTable({ tableName: "one" });
  expect(JSON.parse(JSON.stringify(described))).toMatchObject({
    tableMeta: {
      tableName: "one",
      primaryKey: [
        { name: "id", type: "STRING" },
        { name: "at", type: "INTEGER", option: "AUTO_INCREMENT" },
        { name: "more", type: "BINARY" },
      ],
    },
    reservedThroughputDetails: { capacityUnit: { read: 0, write: 0 } },
    tableOptions: { timeToLive: -1, maxVersions: 1, deviationCellVersionInSec: "86400" },
    tableStatus: "ACTIVE",
  });
  const { tableOptions } = await client.updateTable({ tableName: "one", tableOptions: { timeToLive: 86_400 } });
  expect(tableOptions).toMatchObject({ timeToLive: 86_400, maxVersions: 1 });
  expect((await client.listTable({})).tableNames.sort()).toEqual(["one", "two"]);
  await client.deleteTable({ tableName: "one" });
  expect((await client.listTable({})).tableNames).toEqual(["two"]);
  for (const call of [client.describeTable, client.deleteTable]) {
    expect(await errorOf(call.call(client, { tableName: "one" }))).toEqual({
      code: "OTSObjectNotExist",
      message: "Requested table does not exist.",
      status: 404,
    });
  }
});

test("a table is created once", async () => {
  const { client } = await started();
  await createTable(client, "t", { id: "STRING" });
  expect(await errorOf(createTable(client, "t", { other: "STRING" }))).toEqual({
    code: "OTSObjectAlreadyExist",
    message: "Requested table already exists.",
    status: 409,
  });
});

test("a new table can be described before it can be used", async () => {
  let wall = Date.now();
  const { client } = await started({ tableReadyMs: 5_000, wallNow: () => wall });
  await createTable(client, "t", { id: "STRING" });
  const notReady = { code: "OTSTableNotReady", message: "The table is not ready.", status: 404 };
  expect(await errorOf(client.putRow(put("t")))).toEqual(notReady);
  const status = async () => JSON.parse(JSON.stringify(await client.describeTable({ tableName: "t" }))).tableStatus;
  expect(await status()).toBe("LOADING");
  wall += 5_000;
  expect(await status()).toBe("ACTIVE");
  await client.putRow(put("t"));
});

test("names, keys and options that a table can't have are refused", async () => {
  const { client } = await started({ limits: { tableOperationsPerSecond: 1_000 } });
  const refused = async (...table: Parameters<typeof createTable> extends [unknown, ...infer Rest] ? Rest : never) =>
    (await errorOf(createTable(client, ...table))).message;
  expect(await refused("1t", { id: "STRING" })).toBe("Invalid table name: '1t'.");
  expect(await refused("t".repeat(256), { id: "STRING" })).toMatch(/^Invalid table name/);
  expect(await refused("t", { "i d": "STRING" })).toBe("Invalid column name: 'i d'.");
  expect(await refused("t", {})).toBe("The number of primary key columns must be in range: [1, 4].");
  const five = { a: "STRING", b: "STRING", c: "STRING", d: "STRING", e: "STRING" };
  expect(await refused("t", five)).toBe("The number of primary key columns must be in range: [1, 4].");
  expect(await refused("t", { a: "INTEGER+" })).toBe("First primary key can't be auto increment, table: t.");
  expect(await refused("t", { a: "STRING", b: "STRING+" })).toBe("AUTO_INCREMENT primary key must be integer.");
  expect(await refused("t", { a: "STRING", b: "INTEGER+", c: "INTEGER+" })).toBe(
    "AUTO_INCREMENT primary key count must <= 1.",
  );
  expect(await refused("t", { a: "STRING" }, { timeToLive: 0 })).toBe("TimeToLive cannot be 0 or less than -1.");
  expect(await refused("t", { a: "STRING" }, { timeToLive: 86_399 })).toBe("TimeToLive cannot be less than 86400.");
  expect(await refused("t", { a: "STRING" }, { maxVersions: 0 })).toBe(
    "The maximum versions cannot be less than or equal to 0.",
  );
});

test("there are so many tables, and so many operations on them in a second", async () => {
  let wall = Date.now();
  const { client } = await started({ limits: { tables: 2 }, wallNow: () => wall });
  await createTable(client, "a", { id: "STRING" });
  await createTable(client, "b", { id: "STRING" });
  const exhausted = { code: "OTSQuotaExhausted", status: 403 };
  expect(await errorOf(createTable(client, "c", { id: "STRING" }))).toEqual({
    ...exhausted,
    message: "Number of tables exceeded the quota.",
  });
  for (let count = 4; count <= 10; count++) await client.listTable({});
  expect(await errorOf(client.listTable({}))).toEqual({ ...exhausted, message: "Too frequent table operations." });
  // Rows are no tables.
  await client.putRow(put("a"));
  wall += 1_000;
  await client.listTable({});
});

test("reserved throughput changes once in two minutes", async () => {
  let time = Date.now();
  const { client } = await started({ now: () => time });
  await createTable(client, "t", { id: "STRING" });
  const reserve = (read: number) =>
    client.updateTable({
      tableName: "t",
      tableOptions: { maxVersions: 1 },
      reservedThroughput: { capacityUnit: { read, write: 0 } },
    });
  time += 120_000;
  await reserve(5);
  expect((await errorOf(reserve(6))).code).toBe("OTSTooFrequentReservedThroughputAdjustment");
  time += 120_000;
  await reserve(6);
});

test("what is not supported is refused, not ignored", async () => {
  const { client } = await started();
  const table = {
    tableMeta: { tableName: "t", primaryKey: [{ name: "id", type: "STRING" }] },
    reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
    tableOptions: { timeToLive: -1, maxVersions: 1 },
  };
  const definedColumn = [{ name: "a", type: 1 }];
  const refused = await errorOf(client.createTable({ ...table, tableMeta: { ...table.tableMeta, definedColumn } }));
  expect(refused.message).toMatch(/does not support defined columns/);
  await client.createTable(table);
  const transaction = await errorOf(client.putRow({ ...put("t"), transactionId: "x" }));
  expect(transaction.message).toMatch(/does not support local transactions/);
  const start = await errorOf(client.startLocalTransaction({ tableName: "t", primaryKey: list({ id: "x" }) }));
  expect(start.message).toBe("Unsupported operation: 'StartLocalTransaction'.");
});

test("a table that does not allow updates takes puts only", async () => {
  const { client } = await started();
  await createTable(client, "t", { id: "STRING" }, { allowUpdate: false });
  await client.putRow(put("t"));
  const update = { ...put("t"), updateOfAttributeColumns: [{ PUT: list({ a: "2" }) }] };
  expect((await errorOf(client.updateRow(update))).code).toBe("OTSParameterInvalid");
});
