import { CreateTableCommand, type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { interop, PythonStore, pythonFails, recorded } from "@chatkeep/store-tests";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoDBChatStore } from "../src/index.js";
import { credentials, dropTable, makeTable, newClient, newTableName, region } from "./support/tables.js";

const server = runningServer("dynamodb");

/** The example of LlamaIndex's documentation. */
async function pythonsTable(client: DynamoDBClient) {
  const tableName = newTableName();
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      KeySchema: [{ AttributeName: "SessionId", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "SessionId", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  const settings = {
    endpoint_url: server!.url,
    table_name: tableName,
    region_name: region,
    aws_access_key_id: credentials.accessKeyId,
    aws_secret_access_key: credentials.secretAccessKey,
  };
  return { tableName, settings };
}

const noUrl = { write: /AnyUrl|Unsupported type/ };
// Its bytes are written as binary, and validated as text.
const noBytes = { readOwn: /ValidationError/ };

describe.runIf(server)("with LlamaIndex Python on the same table", () => {
  interop({
    backend: "dynamodb",
    oldest: "stores-old",
    append: "overwrites",
    expiry: "shown",
    lacks: { insert: "there is none" },
    gaps: {
      "a float": { write: /Float types are not supported/ },
      "an image": noBytes,
      "an image's URL": noUrl,
      audio: noBytes,
      "audio's URL": noUrl,
      video: noBytes,
      "a video's URL": noUrl,
      document: noBytes,
    },
    async start() {
      const client = newClient(server!.url);
      const { tableName, settings } = await pythonsTable(client);
      return {
        server: "DynamoDB Local 1.25.1",
        expiring: (ttlSeconds) => new DynamoDBChatStore({ client, tableName, ttlSeconds }),
        // The table decides for Python's layout.
        store: new DynamoDBChatStore({ client, tableName }),
        settings,
        async close() {
          await dropTable(client, tableName);
          client.destroy();
        },
      };
    },
  });
});

describe.runIf(server)("what is DynamoDB's own with LlamaIndex Python", () => {
  const record = recorded("dynamodb");
  let client: DynamoDBClient;
  let tableName: string;
  let store: DynamoDBChatStore;
  let python: PythonStore;
  let settings: Record<string, unknown>;

  beforeAll(async () => {
    client = newClient(server!.url);
    ({ tableName, settings } = await pythonsTable(client));
    store = new DynamoDBChatStore({ client, tableName });
    python = await PythonStore.start("newest", "dynamodb", settings);
  }, 600_000);
  afterAll(async () => {
    await store.close();
    await dropTable(client, tableName);
    client.destroy();
  });

  it("the table decides for Python's layout", async () => {
    expect(await store.layout()).toBe("llamaindex");
  });

  it("the oldest package wrote a plain content, which stays as it is while others are changed", async () => {
    const oldest = await PythonStore.start("stores-old", "dynamodb", settings);
    await oldest.addStored("old", { role: "user", content: "Hello" }, { role: "assistant", content: "Hi" });
    await store.deleteMessage("old", 1);
    const item = await client.send(new GetItemCommand({ TableName: tableName, Key: { SessionId: { S: "old" } } }));
    expect(item.Item?.History?.L?.map(({ M }) => M?.content)).toEqual([{ S: "Hello" }]);
  }, 600_000);

  const expiryOf = async (key: string) => {
    const item = await client.send(new GetItemCommand({ TableName: tableName, Key: { SessionId: { S: key } } }));
    return Number(item.Item?.TTL?.N);
  };

  it("a write without an expiry ends the one that was there, Python's as ours", async () => {
    const expiring = new DynamoDBChatStore({ client, tableName, ttlSeconds: 600 });
    for (const write of [
      () => store.addMessage("expiring", { content: "b" }),
      () => python.add("expiring", { content: "c" }),
    ]) {
      await expiring.addMessage("expiring", { content: "a" });
      expect(await expiryOf("expiring")).toBeGreaterThan(0);
      await write();
      expect(await expiryOf("expiring")).toBeNaN();
    }
    await expiring.close();
  });

  pythonFails(record, "every async method raises", async () => {
    await store.setMessages("async", [{ content: "a" }]);
    await expect(python.call("aget_messages", "async")).rejects.toThrow();
    await expect(python.call("aget_keys")).rejects.toThrow();
    expect(await store.countMessages("async")).toBe(1);
  });

  pythonFails(record, "an expired conversation is read and listed until DynamoDB deletes it", async () => {
    await python.ask("expire", { seconds: -60 });
    await python.add("expired", { content: "a" });
    await python.ask("expire", { seconds: null });
    expect(await python.get("expired")).toHaveLength(1);
    expect(await python.keys()).toContain("expired");
    expect(await store.getMessages("expired")).toEqual([]);
    expect(await store.getKeys({ prefix: "expired" })).toEqual([]);
  });

  pythonFails(
    record,
    "a conversation is full at 400 KB, as Chatkeep's is in this layout, and not in its own",
    async () => {
      const large = (letter: string) => ({ role: "user" as const, content: letter.repeat(300_000) });
      await python.add("large", large("a"));
      await expect(python.add("large", large("b"))).rejects.toThrow(/Item size/);
      expect(await store.getMessages("large")).toEqual([large("a")]);
      const refused = await store.addMessage("large", large("b")).catch((error: unknown) => error);
      expect(isChatStoreError(refused, "MESSAGE_TOO_LARGE") && refused.message).toMatch(/trimMessages.*"chatkeep"/);
      await store.trimMessages("large", 0);
      await store.addMessage("large", large("b"));
      expect(await python.get("large")).toEqual([large("b")]);

      const roomy = await makeTable(client, "chatkeep");
      const ours = new DynamoDBChatStore({ client, tableName: roomy });
      await ours.setMessages("large", [large("a")]);
      await ours.addMessage("large", large("b"));
      expect(await ours.getMessages("large")).toEqual([large("a"), large("b")]);
      await ours.close();
      await dropTable(client, roomy);
    },
  );

  it("what no map can hold is read by Python as near as it can", async () => {
    await store.setMessages("odd", [{ content: "half \ud83d", additionalKwargs: { "": 1, large: 1e300, kept: true } }]);
    expect(await python.get("odd")).toEqual([
      { role: "user", content: "half \ufffd", additionalKwargs: { large: "1e+300", kept: true } },
    ]);
  });
});
