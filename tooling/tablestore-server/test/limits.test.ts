import { expect, test } from "vitest";
import { DOCUMENTED_LIMITS } from "../src/index.js";
import { type Client, createTable, errorOf, ignore, Long, list, started } from "./npm-sdk.js";

const key = list({ id: "x" });
const put = (client: Client, columns: object[]) =>
  client.putRow({ tableName: "t", condition: ignore, primaryKey: key, attributeColumns: columns });

async function withTable(options = {}) {
  const { client } = await started(options);
  await createTable(client, "t", { id: "STRING" });
  return client;
}

// At the documented values.
test("a value has up to 2 MiB, a row as it is written up to 4 MiB", async () => {
  const client = await withTable();
  const value = "x".repeat(DOCUMENTED_LIMITS.attributeValueBytes);
  await put(client, list({ a: value }));
  expect((await errorOf(put(client, list({ a: `${value}x` })))).message).toBe(
    "The length of attribute column: 'a' exceeded the MaxLength:2097152 with Current Length:2097153.",
  );
  // Two values of 2 MiB, and the bytes around them.
  expect((await errorOf(put(client, list({ a: value, b: value })))).message).toMatch(
    /^The total data size of PutRow request exceeds the limit, limit size: 4194304 , data size: \d+\.$/,
  );
});

test("a write has up to 1,024 columns", async () => {
  const client = await withTable();
  const columns = Array.from({ length: 1_025 }, (_, index) => ({ [`c${index}`]: "x" }));
  await put(client, columns.slice(1));
  expect((await errorOf(put(client, columns))).message).toBe(
    "The number of attribute columns exceeds the limit, limit count:1024, column count: 1025.",
  );
});

test("a read names up to 128 columns", async () => {
  const client = await withTable();
  const read = (count: number) =>
    client.getRow({ tableName: "t", primaryKey: key, columnsToGet: Array(count).fill("a"), maxVersions: 1 });
  await read(128);
  const named = { tableName: "t", primaryKey: key, columnsToGet: ["a b"], maxVersions: 1 };
  expect((await errorOf(client.getRow(named))).message).toBe("Invalid column name: 'a b'.");
  expect((await errorOf(read(129))).message).toMatch(/limit count: 128 , column count:129/);
});

test("columns have names like variables, and not those of the key", async () => {
  const client = await withTable();
  await put(client, list({ _a1: "x" }));
  for (const name of ["1a", "a b", "a.b", "a-b"]) {
    expect((await errorOf(put(client, list({ [name]: "x" })))).message).toBe(`Invalid column name: '${name}'.`);
  }
  expect((await errorOf(put(client, list({ id: "x" })))).message).toBe(
    "Duplicated attribute column name with primary key column: id.",
  );
});

test("a put without columns is refused, for want of knowledge", async () => {
  expect((await errorOf(put(await withTable(), []))).message).toBe("Attribute column is missing.");
  await put(await withTable({ accept: ["put-without-columns"] }), []);
});

test("only integers are incremented, and not beyond 64 bits", async () => {
  const client = await withTable();
  await put(client, list({ text: "x", big: Long.fromString("9223372036854775807") }));
  const increment = (columns: object) =>
    client.updateRow({
      tableName: "t",
      condition: ignore,
      primaryKey: key,
      updateOfAttributeColumns: [{ INCREMENT: list({ ...columns }) }],
    });
  expect((await errorOf(increment({ text: Long.fromNumber(1) }))).code).toBe("OTSParameterInvalid");
  expect((await errorOf(increment({ big: Long.fromNumber(1) }))).code).toBe("OTSParameterInvalid");
  expect((await errorOf(increment({ new: 1 }))).code).toBe("OTSParameterInvalid");
  await increment({ big: Long.fromNumber(-1) });
});

test("a column is changed once in an update", async () => {
  const client = await withTable();
  const update = (...changes: object[]) =>
    client.updateRow({ tableName: "t", condition: ignore, primaryKey: key, updateOfAttributeColumns: changes });
  const one = Long.fromNumber(1);
  const twice = [{ PUT: list({ n: one }) }, { INCREMENT: list({ n: one }) }];
  expect((await errorOf(update(...twice))).message).toBe("Duplicated attribute column: 'n'.");
  expect((await errorOf(update({ PUT: list({ n: one }) }, { DELETE_ALL: ["n"] }))).message).toBe(
    "Duplicated attribute column: 'n'.",
  );
});

test("capacity is counted in units of 4 KiB", async () => {
  const client = await withTable();
  const units = (call: Promise<{ consumed: { capacityUnit: object } }>) =>
    call.then(({ consumed }) => consumed.capacityUnit);
  const value = "x".repeat(4_096 - 2 - 1 - 1);
  expect(await units(put(client, list({ a: value })))).toEqual({ read: 0, write: 1 });
  expect(await units(put(client, list({ a: `${value}x` })))).toEqual({ read: 0, write: 2 });
  const get = client.getRow({ tableName: "t", primaryKey: key, columnsToGet: ["a"], maxVersions: 1 });
  expect(await units(get)).toEqual({ read: 2, write: 0 });
});
