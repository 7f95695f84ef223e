import { createRequire } from "node:module";
import { afterEach, describe, expect, test } from "vitest";
import { type OwnServer, type ServerInfo, startTablestore } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

// The npm SDK has no types: what is used of it.
interface Client {
  createTable(params: object): Promise<object>;
  putRow(params: object): Promise<object>;
  getRange(params: object): Promise<{ rows: object[] }>;
}
const require = createRequire(import.meta.url);
const sdk = require("tablestore");

function clientOf({ url, access }: ServerInfo): Client {
  return new sdk.Client({
    endpoint: url,
    instancename: access?.instanceName,
    accessKeyId: access?.accessKeyId,
    secretAccessKey: access?.accessKeySecret,
    maxRetries: 0,
  });
}

const createTable = (client: Client, tableName: string) =>
  client.createTable({
    tableMeta: { tableName, primaryKey: [{ name: "id", type: "INTEGER" }] },
    reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
    tableOptions: { timeToLive: -1, maxVersions: 1 },
  });

const put = (client: Client, tableName: string, id: number) =>
  client.putRow({
    tableName,
    condition: new sdk.Condition(sdk.RowExistenceExpectation.IGNORE, null),
    primaryKey: [{ id: sdk.Long.fromNumber(id) }],
    attributeColumns: [{ text: `number ${id}` }],
  });

const all = async (client: Client, tableName: string) =>
  (
    await client.getRange({
      tableName,
      direction: sdk.Direction.FORWARD,
      inclusiveStartPrimaryKey: [{ id: sdk.INF_MIN }],
      exclusiveEndPrimaryKey: [{ id: sdk.INF_MAX }],
    })
  ).rows;

let own: OwnServer | undefined;
afterEach(async () => {
  await own?.stop();
  own = undefined;
});

const shared = runningServer("tablestore");

describe.runIf(shared)("the shared server", () => {
  test("has a table as soon as its readiness was waited for", async () => {
    const client = clientOf(shared as ServerInfo);
    const table = `shared_${process.pid}`;
    await createTable(client, table);
    await expect.poll(() => put(client, table, 1), { timeout: 30_000 }).toBeDefined();
    expect(await all(client, table)).toHaveLength(1);
  });
});

describe.runIf(shared?.own)("a server of one's own", () => {
  test("keeps what it has acknowledged through SIGKILL, where it is durable", async () => {
    own = await startTablestore({ durable: true, tableReadyMs: 0 });
    const client = clientOf(own);
    await createTable(client, "kept");
    // Killed while it writes: of the writes under way one may be there, of the acknowledged ones all are.
    let acknowledged = 0;
    let killed: Promise<void> | undefined;
    const writing = async () => {
      for (;;) {
        await put(client, "kept", acknowledged);
        acknowledged += 1;
        if (acknowledged === 50) killed = own?.kill();
      }
    };
    await expect(writing()).rejects.toThrow();
    await killed;
    await own.restart();
    const rows = await all(clientOf(own), "kept");
    expect(rows.length).toBeGreaterThanOrEqual(acknowledged);
    expect(rows.length).toBeLessThanOrEqual(acknowledged + 1);
  });

  test("forgets all when it is restarted, where it is not durable", async () => {
    own = await startTablestore({ tableReadyMs: 0 });
    await createTable(clientOf(own), "gone");
    await own.restart();
    await expect(put(clientOf(own), "gone", 1)).rejects.toThrow("OTSObjectNotExist");
  });
});
