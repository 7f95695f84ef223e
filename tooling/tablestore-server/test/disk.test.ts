import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tablestoreServer } from "../src/index.js";
import { type Client, clientOf, createTable, errorOf, ignore, Long, list, plain, sdk } from "./npm-sdk.js";

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tablestore-server-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const NOW = Date.now();

/** Runs on what the run before left on disk, at the same time: no number is another because the clock has moved on. */
async function run(directory: string, use: (client: Client) => Promise<void>): Promise<void> {
  const server = await tablestoreServer({ tableReadyMs: 0, directory, now: () => NOW });
  await use(clientOf(server)).finally(() => server.close());
}

const columns = {
  text: "é\0😀\n",
  big: Long.fromString("-9223372036854775808"),
  half: 0.5,
  yes: true,
  bytes: Buffer.from([0, 255]),
};
const row = { tableName: "t", condition: ignore, primaryKey: list({ who: "é\0", at: sdk.PK_AUTO_INCR }) };
const put = async (client: Client) =>
  plain(
    (
      await client.putRow({
        ...row,
        attributeColumns: list(columns),
        returnContent: { returnType: sdk.ReturnType.Primarykey },
      })
    ).row,
  ).key;

const everything = async (client: Client) =>
  (
    await client.getRange({
      tableName: "t",
      direction: sdk.Direction.FORWARD,
      inclusiveStartPrimaryKey: list({ who: sdk.INF_MIN, at: sdk.INF_MIN }),
      exclusiveEndPrimaryKey: list({ who: sdk.INF_MAX, at: sdk.INF_MAX }),
    })
  ).rows;

test("tables and rows are there again, byte for byte, and what was deleted is not", async () => {
  const directory = await folder();
  let before: object[] = [];
  let deleted: Record<string, unknown> = {};
  await run(directory, async (client) => {
    await createTable(client, "t", { who: "STRING", at: "INTEGER+" });
    await createTable(client, "dropped", { id: "STRING" });
    await put(client);
    deleted = await put(client);
    const primaryKey = list({ who: "é\0", at: Long.fromString(String(deleted.at)) });
    await client.deleteRow({ tableName: "t", condition: ignore, primaryKey });
    await client.updateTable({ tableName: "t", tableOptions: { timeToLive: 86_400 } });
    await client.deleteTable({ tableName: "dropped" });
    before = await everything(client);
  });
  await run(directory, async (client) => {
    expect(await everything(client)).toEqual(before);
    expect((await client.listTable({})).tableNames).toEqual(["t"]);
    expect((await client.describeTable({ tableName: "t" })).tableOptions.timeToLive).toBe(86_400);
    // A number that was given is not given again, though its row is gone.
    expect((await put(client)).at).toBeGreaterThan(deleted.at as bigint);
  });
});

test("what was written in part is as if it had never been", async () => {
  const directory = await folder();
  await run(directory, async (client) => {
    await createTable(client, "t", { who: "STRING", at: "INTEGER+" });
    await put(client);
  });
  await appendFile(join(directory, "journal"), '{"kind":"drop","tab');
  await run(directory, async (client) => {
    expect(await everything(client)).toHaveLength(1);
    await client.deleteTable({ tableName: "t" });
  });
  await run(directory, async (client) => {
    expect((await errorOf(everything(client))).code).toBe("OTSObjectNotExist");
  });
});
