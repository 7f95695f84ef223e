import { expect, test } from "vitest";
import { createTable, errorOf, ignore, Long, list, sdk, started } from "./npm-sdk.js";

const DAY = 86_400_000;
const key = list({ id: "x" });

async function withClock(tableOptions: object) {
  const clock = { time: Date.UTC(2030, 0, 1) };
  const { client } = await started({ now: () => clock.time });
  await createTable(client, "t", { id: "STRING" }, tableOptions);
  return {
    clock,
    client,
    put: (columns: object[]) =>
      client.putRow({ tableName: "t", condition: ignore, primaryKey: key, attributeColumns: columns }),
    update: (...changes: object[]) =>
      client.updateRow({ tableName: "t", condition: ignore, primaryKey: key, updateOfAttributeColumns: changes }),
    read: async (more: object = { maxVersions: 10 }) => {
      const { row } = await client.getRow({ tableName: "t", primaryKey: key, ...more });
      if (row.attributes === undefined) return undefined;
      return row.attributes.map(({ columnName, columnValue }) => `${columnName}=${columnValue}`).join(" ");
    },
  };
}

test("each column expires on its own, and the row with the last", async () => {
  const { clock, put, update, read, client } = await withClock({ timeToLive: 86_400 });
  await put(list({ a: "1", b: "1" }));
  clock.time += DAY / 2;
  await update({ PUT: list({ b: "2" }) });
  clock.time += DAY / 2 - 1;
  expect(await read()).toBe("a=1 b=2");
  clock.time += 1;
  expect(await read()).toBe("b=2");
  clock.time += DAY / 2;
  expect(await read()).toBeUndefined();
  const exists = new sdk.Condition(sdk.RowExistenceExpectation.EXPECT_EXIST, null);
  expect((await errorOf(client.deleteRow({ tableName: "t", condition: exists, primaryKey: key }))).code).toBe(
    "OTSConditionCheckFail",
  );
  const range = {
    tableName: "t",
    direction: sdk.Direction.FORWARD,
    inclusiveStartPrimaryKey: list({ id: sdk.INF_MIN }),
    exclusiveEndPrimaryKey: list({ id: sdk.INF_MAX }),
  };
  expect((await client.getRange(range)).rows).toEqual([]);
});

test("a row whose columns were all deleted expires with its last write", async () => {
  const { clock, put, update, read } = await withClock({ timeToLive: 86_400 });
  await put(list({ a: "1" }));
  clock.time += DAY / 2;
  await update({ DELETE_ALL: ["a"] });
  clock.time += DAY - 1;
  expect(await read()).toBe("");
  clock.time += 1;
  expect(await read()).toBeUndefined();
});

test("a shorter time to live counts for what is there, and a longer one brings nothing back", async () => {
  const { clock, client, put, update, read } = await withClock({ timeToLive: -1 });
  await put(list({ a: "1" }));
  clock.time += DAY;
  expect(await read()).toBe("a=1");
  await client.updateTable({ tableName: "t", tableOptions: { timeToLive: 86_400 } });
  expect(await read()).toBeUndefined();
  await update({ PUT: list({ b: "2" }) });
  await client.updateTable({ tableName: "t", tableOptions: { timeToLive: -1 } });
  expect(await read()).toBe("b=2");
});

test("the newest versions are kept, as many as the table is set to", async () => {
  const { clock, update, read } = await withClock({ maxVersions: 3 });
  for (const value of ["1", "2", "3", "4"]) {
    clock.time += 1_000;
    await update({ PUT: list({ a: value }) });
  }
  expect(await read()).toBe("a=4 a=3 a=2");
  expect(await read({ maxVersions: 1 })).toBe("a=4");
  const before = { startTime: "0", endTime: String(clock.time) };
  expect(await read({ timeRange: before, maxVersions: 1 })).toBe("a=3");
  expect(await read({ timeRange: { specificTime: String(clock.time - 2_000) } })).toBe("a=2");
  await update({ DELETE: list({ a: Long.fromNumber(clock.time) }) });
  expect(await read()).toBe("a=3 a=2");
});

test("a version that the client names is near the time of writing", async () => {
  const { clock, put, read } = await withClock({ maxVersions: 2 });
  const named = (timestamp: number) => put([{ a: "1", timestamp }]);
  await named(clock.time - DAY);
  await named(clock.time + DAY - 1);
  expect(await read()).toBe("a=1");
  for (const timestamp of [clock.time - DAY - 1, clock.time + DAY]) {
    expect((await errorOf(named(timestamp))).message).toBe("Invalid timestamp. Cell:'a'.");
  }
});
