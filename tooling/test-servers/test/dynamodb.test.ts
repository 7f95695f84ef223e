import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { BatchWriteItemCommand, CreateTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, describe, expect, it } from "vitest";
import { type DynamoDBOptions, type OwnServer, startDynamoDB } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const shared = runningServer("dynamodb");
const servers: OwnServer[] = [];
const clients: DynamoDBClient[] = [];

async function start(options?: DynamoDBOptions): Promise<OwnServer> {
  const server = await startDynamoDB(options);
  servers.push(server);
  return server;
}

function connectTo(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  clients.push(client);
  return client;
}

const table = "table";

async function fill(client: DynamoDBClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
    }),
  );
  for (let i = 0; i < 4; i++) {
    const puts = Array.from({ length: 25 }, (_, j) => ({ PutRequest: { Item: { k: { S: `${i}/${j}` } } } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }));
  }
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe.runIf(shared?.own)("a DynamoDB Local of one's own", () => {
  it("listens on loopback only", async () => {
    const port = Number(new URL(shared!.url).port);
    const addresses = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    for (const { address } of addresses) await expect(fetch(`http://${address}:${port}`)).rejects.toThrow();
    if (process.platform !== "linux") return;
    const sockets = `${await readFile("/proc/net/tcp", "utf8")}\n${await readFile("/proc/net/tcp6", "utf8")}`;
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    const listening = [...sockets.matchAll(new RegExp(`^ *\\d+: (\\w+):${hex} \\w+:0000 0A`, "gm"))].map(
      ([, host]) => host,
    );
    expect(listening).toHaveLength(1);
    expect(["0100007F", "0000000000000000FFFF00000100007F"]).toContain(listening[0]);
  });

  it("keeps acknowledged writes over kill -9 and restart, if durable", async () => {
    const server = await start({ durable: true });
    await fill(connectTo(server.url));
    await server.kill();
    await server.restart();
    expect((await connectTo(server.url).send(new ScanCommand({ TableName: table }))).Count).toBe(100);
  });

  it("loses them otherwise", async () => {
    const server = await start();
    await fill(connectTo(server.url));
    await server.kill();
    await server.restart();
    await expect(connectTo(server.url).send(new ScanCommand({ TableName: table }))).rejects.toThrow(
      "non-existent table",
    );
  });
});
