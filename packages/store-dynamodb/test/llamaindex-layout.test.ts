import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { besidePython } from "@chatkeep/store-tests";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoDBChatStore, type DynamoDBChatStoreOptions } from "../src/index.js";
import { countRequests, dropTable, makeTable, newClient } from "./support/tables.js";

const server = runningServer("dynamodb");

const map = (text: string): AttributeValue => ({
  M: {
    role: { S: "user" },
    additional_kwargs: { M: {} },
    blocks: { L: [{ M: { block_type: { S: "text" }, text: { S: text } } }] },
  },
});

describe.runIf(server)("the layout llamaindex", () => {
  let client: DynamoDBClient;
  let tableName: string;
  let sent: string[] = [];
  let keys = 0;
  const stores: DynamoDBChatStore[] = [];
  const newKey = () => `key ${++keys}`;
  const open = (options: Partial<DynamoDBChatStoreOptions> = {}) => {
    const store = new DynamoDBChatStore({
      client,
      tableName,
      layout: "llamaindex",
      ...options,
    } as DynamoDBChatStoreOptions);
    stores.push(store);
    return store;
  };
  const get = async (key: string) => {
    const Key = { SessionId: { S: key } };
    return (await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }))).Item;
  };
  const put = (key: string, more: Record<string, AttributeValue>) =>
    client.send(new PutItemCommand({ TableName: tableName, Item: { SessionId: { S: key }, ...more } }));

  beforeAll(async () => {
    client = newClient(server!.url);
    tableName = await makeTable(client, "llamaindex");
    countRequests(client, (operation) => sent.push(operation.replace("Command", "")));
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await dropTable(client, tableName);
    client.destroy();
  });

  it("writes the attributes that LlamaIndex writes, and one that it ignores", async () => {
    const key = newKey();
    const store = open();
    await store.addMessage(key, { content: "Hello" });
    await store.addMessage(key, {
      role: "assistant",
      content: [
        { type: "text", text: "Look" },
        { type: "image", image: new Uint8Array([104, 105]), mimeType: "image/png" },
        { type: "image", url: "https://example.com/a.png" },
      ],
      additionalKwargs: { n: 5, score: 0.25, none: null, flag: true, list: [] },
    });
    const item = await get(key);
    expect(Object.keys(item ?? {}).sort()).toEqual(["Chatkeep", "History", "SessionId"]);
    const none = { NULL: true };
    const image = {
      block_type: { S: "image" },
      image: none,
      path: none,
      url: none,
      image_mimetype: none,
      detail: none,
    };
    expect(item?.History).toEqual({
      L: [
        map("Hello"),
        {
          M: {
            role: { S: "assistant" },
            additional_kwargs: {
              M: { n: { N: "5" }, score: { N: "0.25" }, none, flag: { BOOL: true }, list: { L: [] } },
            },
            blocks: {
              L: [
                { M: { block_type: { S: "text" }, text: { S: "Look" } } },
                { M: { ...image, image: { S: "aGk=" }, image_mimetype: { S: "image/png" } } },
                { M: { ...image, url: { S: "https://example.com/a.png" } } },
              ],
            },
          },
        },
      ],
    });
  });

  it("reads what LlamaIndex wrote: legacy content, binary, exact numbers", async () => {
    const key = newKey();
    const bytes = new TextEncoder().encode("aGk=");
    await put(key, {
      History: {
        L: [
          { M: { role: { S: "user" }, content: { S: "old" }, additional_kwargs: { M: {} } } },
          {
            M: {
              role: { S: "user" },
              additional_kwargs: {
                M: { big: { N: "12345678901234567890" }, set: { SS: ["a"] }, small: { N: "0.0000001" } },
              },
              blocks: { L: [{ M: { block_type: { S: "image" }, image: { B: bytes } } }] },
            },
          },
        ],
      },
    });
    expect(await open().getMessages(key)).toEqual([
      { role: "user", content: "old" },
      {
        role: "user",
        content: [{ type: "image", image: "aGk=" }],
        additionalKwargs: { big: 12345678901234567000, set: ["a"], small: 1e-7 },
      },
    ]);
  });

  it("keeps attributes and members that it does not know, and changes only what it is to", async () => {
    const key = newKey();
    const foreign = {
      M: { role: { S: "user" }, content: { S: "kept" }, added: { B: new Uint8Array([1, 2]) }, n: { N: "1E+2" } },
    };
    await put(key, { History: { L: [foreign, map("b"), map("c")] }, Owner: { S: "somebody" } });
    const before = (await get(key))?.History?.L?.[0];
    const store = open();
    await store.addMessage(key, { content: "d" });
    await store.addMessage(key, { content: "a2" }, { index: 1 });
    await store.deleteMessage(key, 2);
    await store.replaceMessage(key, 2, { content: "C" });
    const item = await get(key);
    expect(item?.Owner).toEqual({ S: "somebody" });
    expect(item?.History?.L).toEqual([before, map("a2"), map("C"), map("d")]);
  });

  it("an append is one request when the conversation is known, and sends the new message only", async () => {
    const key = newKey();
    const store = open();
    await store.addMessages(
      key,
      Array.from({ length: 500 }, (_, i) => ({ content: `m${i}` })),
    );
    sent = [];
    await store.addMessage(key, { content: "x" });
    expect(sent).toEqual(["UpdateItem"]);
  });

  besidePython({
    newKey,
    open,
    python: async (key, text) => put(key, { History: { L: [...((await get(key))?.History?.L ?? []), map(text)] } }),
  });

  it("400 KB are refused with advice, and nothing is lost", async () => {
    const key = newKey();
    const store = open();
    await store.addMessage(key, { content: "x".repeat(300_000) });
    for (const bytes of [150_000, 2_000_000, 5_000_000]) {
      const error = await store.addMessage(key, { content: "y".repeat(bytes) }).catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "MESSAGE_TOO_LARGE"), String(error)).toBe(true);
      if (bytes === 150_000) expect((error as Error).message).toMatch(/chatkeep.*no such limit/);
      expect((error as { outcome?: string }).outcome).toBe("not-applied");
    }
    expect(await store.countMessages(key)).toBe(1);
    expect(await store.trimMessages(key, 0)).toBe(1);
  });

  it("a message that no map can hold has its exact JSON beside the nearest map", async () => {
    const key = newKey();
    const store = open();
    let deep: unknown = "end";
    for (let i = 0; i < 60; i++) deep = { a: deep };
    const odd = {
      role: "user" as const,
      content: "half \ud83d",
      additionalKwargs: { "": "no name", large: 1e300, tiny: 5e-324, deep, "\ude00": 1 },
      extra: { chatkeep: "a member of that name" },
    };
    await store.addMessage(key, odd);
    await store.addMessage(key, { content: "plain", extra: { chatkeep: { S: 1 } } });
    expect(await store.getMessages(key)).toEqual([
      odd,
      { role: "user", content: "plain", extra: { chatkeep: { S: 1 } } },
    ]);
    const stored = (await get(key))?.History?.L?.[0]?.M;
    expect(stored?.blocks).toEqual({ L: [{ M: { block_type: { S: "text" }, text: { S: "half \ufffd" } } }] });
    expect(stored?.additional_kwargs?.M?.large).toEqual({ S: "1e+300" });
    expect(stored?.chatkeep?.S).not.toMatch(/\p{Surrogate}/u);
  });

  it("honours Python's TTL, and writes it in its format", async () => {
    const key = newKey();
    const store = open({ ttlSeconds: 60 });
    const now = Math.floor(Date.now() / 1000);
    await store.addMessage(key, { content: "a" });
    const ttl = Number((await get(key))?.TTL?.N);
    expect(ttl).toBeGreaterThanOrEqual(now + 60);
    expect(ttl).toBeLessThanOrEqual(now + 63);

    await put(key, { History: { L: [map("expired")] }, TTL: { N: String(now - 5) } });
    expect(await store.getMessages(key)).toEqual([]);
    expect(await store.getKeys({ prefix: key })).toEqual([]);
    await store.addMessage(key, { content: "new" });
    expect((await get(key))?.History).toEqual({ L: [map("new")] });

    // A store without a time to live keeps it for ever, as Python's does.
    await open().addMessage(key, { content: "more" });
    expect((await get(key))?.TTL).toBeUndefined();
  });

  it("purgeExpired deletes what has expired", async () => {
    const [over, alive] = [newKey(), newKey()];
    const now = Math.floor(Date.now() / 1000);
    await put(over, { History: { L: [map("x")] }, TTL: { N: String(now - 5) } });
    await put(alive, { History: { L: [map("x")] }, TTL: { N: String(now + 60) } });
    expect(await open().purgeExpired()).toBeGreaterThanOrEqual(1);
    expect(await get(over)).toBeUndefined();
    expect(await get(alive)).toBeDefined();
  });

  it("an emptied conversation, of ours or Python's, is no key", async () => {
    const [ours, pythons] = [newKey(), newKey()];
    const store = open();
    await store.addMessage(ours, { content: "a" });
    await store.deleteLastMessage(ours);
    await put(pythons, { History: { L: [] } });
    expect(await store.getKeys({ prefix: ours })).toEqual([]);
    expect(await store.getKeys({ prefix: pythons })).toEqual([]);
    expect(await store.getMessages(pythons)).toEqual([]);
    await store.deleteMessages(ours);
    expect(await get(ours)).toBeUndefined();
  });

  it("an item that is another application's, or damaged, is told and left alone", async () => {
    const [foreign, damaged] = [newKey(), newKey()];
    await put(foreign, { Something: { S: "else" } });
    await put(damaged, { History: { L: [{ S: "no message" }] } });
    const store = open();
    for (const call of [
      () => store.getMessages(foreign),
      () => store.addMessage(foreign, { content: "a" }),
      () => store.deleteMessages(foreign),
      () => store.getMessages(damaged),
    ]) {
      const error = await call().catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "CORRUPT_MESSAGE"), String(error)).toBe(true);
    }
    expect(await get(foreign)).toEqual({ SessionId: { S: foreign }, Something: { S: "else" } });
    expect(await store.getKeys({ prefix: foreign })).toEqual([]);
    await client.send(new DeleteItemCommand({ TableName: tableName, Key: { SessionId: { S: damaged } } }));
  });

  it("one key and one attribute may have other names", async () => {
    const other = await makeTable(client, "llamaindex");
    await dropTable(client, other);
    const store = open({ tableName: other, primaryKey: "name", ttlAttribute: "size", ttlSeconds: 60 });
    await store.setup();
    await store.addMessage("k", { content: "a" });
    await store.addMessage("k", { content: "b" });
    expect(await store.getKeys()).toEqual(["k"]);
    expect(await store.countMessages("k")).toBe(2);
    await dropTable(client, other);
  });
});
