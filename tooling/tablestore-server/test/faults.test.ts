import { expect, test } from "vitest";
import { fault } from "../src/index.js";
import { type Client, createTable, errorOf, ignore, list, started } from "./npm-sdk.js";

const put = (client: Client, id: string) =>
  client.putRow({ tableName: "t", condition: ignore, primaryKey: list({ id }), attributeColumns: list({ a: "1" }) });

async function withTable() {
  const { server, client } = await started();
  await createTable(client, "t", { id: "STRING" });
  const get = async (id: string) =>
    (await client.getRow({ tableName: "t", primaryKey: list({ id }), maxVersions: 1 })).row.primaryKey !== undefined;
  return { server, client, get };
}

test("an error before nothing is done, and one after all is", async () => {
  const { server, client, get } = await withTable();
  server.faults.next(1, fault("before", "OTSServerBusy"), ({ operation }) => operation === "PutRow");
  expect(await errorOf(put(client, "before"))).toEqual({
    code: "OTSServerBusy",
    message: "Injected: OTSServerBusy.",
    status: 503,
  });
  expect(await get("before")).toBe(false);
  server.faults.next(1, fault("after", "OTSTimeout", "Operation timeout."), ({ operation }) => operation === "PutRow");
  expect((await errorOf(put(client, "after"))).message).toBe("Operation timeout.");
  expect(await get("after")).toBe(true);
  await put(client, "before");
});

test("requests are chosen by what they ask for", async () => {
  const { server, client } = await withTable();
  server.faults.always((request) =>
    request.operation === "GetRow" && request.message.tableName === "t" ? fault("before", "OTSTimeout") : undefined,
  );
  await put(client, "x");
  const read = () => client.getRow({ tableName: "t", primaryKey: list({ id: "x" }), maxVersions: 1 });
  expect((await errorOf(read())).code).toBe("OTSTimeout");
  server.faults.clear();
  await read();
});

test("rows of a batch fail one by one, done or not", async () => {
  const { server, client, get } = await withTable();
  server.rowFaults.always(({ operation, index }) => {
    if (operation !== "BatchWriteRow") return undefined;
    return [undefined, fault("before", "OTSServerBusy"), fault("after", "OTSTimeout")][index];
  });
  const rows = ["fine", "before", "after"].map((id) => ({
    type: "PUT",
    condition: ignore,
    primaryKey: list({ id }),
    attributeColumns: list({ a: "1" }),
  }));
  const { tables } = await client.batchWriteRow({ tables: [{ tableName: "t", rows }] });
  expect(tables.map(({ errorCode }) => errorCode)).toEqual([null, "OTSServerBusy", "OTSTimeout"]);
  expect(await Promise.all(["fine", "before", "after"].map(get))).toEqual([true, false, true]);
});
