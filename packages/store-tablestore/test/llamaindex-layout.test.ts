import { isChatStoreError } from "@chatkeep/chat-store-core";
import { besidePython } from "@chatkeep/store-tests";
import { type Doubtful, type TablestoreServer, tablestoreServer } from "@chatkeep/tablestore-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TablestoreChatStore, type TablestoreChatStoreOptions, type TablestoreClientLike } from "../src/index.js";
import { loadSdk } from "../src/sdk.js";
import { makeTables, newClient, type TestClient, watched } from "./support/tables.js";

const json = (text: string) =>
  `{"role": "user", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "${text}"}]}`;

const operationId = "of the caller";

// What the documentation leaves open, either way.
describe.each<[string, Doubtful[]]>([
  ["where keys are not given alone", []],
  ["where they are", ["key-in-columns-to-get"]],
])("the layout llamaindex, %s", (_title, accept) => {
  let server: TablestoreServer;
  let client: TablestoreClientLike & TestClient;
  let tableName: string;
  let condition: object;
  let sent: string[] = [];
  let keys = 0;
  const stores: TablestoreChatStore[] = [];
  const newKey = () => `key ${++keys}`;
  const open = (options: Partial<TablestoreChatStoreOptions> = {}) => {
    const store = new TablestoreChatStore({
      client,
      tableName,
      layout: "llamaindex",
      ...options,
    } as TablestoreChatStoreOptions);
    stores.push(store);
    return store;
  };
  const columns = async (key: string): Promise<Record<string, unknown>> => {
    const { row } = await client.getRow({ tableName, primaryKey: [{ session_id: key }] });
    return Object.fromEntries((row.attributes ?? []).map(({ columnName, columnValue }) => [columnName, columnValue]));
  };
  const put = (key: string, columns: Record<string, unknown>) =>
    client.putRow({
      tableName,
      primaryKey: [{ session_id: key }],
      attributeColumns: Object.entries(columns).map(([name, value]) => ({ [name]: value })),
      condition,
    });

  beforeAll(async () => {
    // A page reads 4 MB: less shows the same, and faster.
    server = await tablestoreServer({ tableReadyMs: 0, accept, limits: { bytesPerRange: 500_000 } });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = server;
    const place = { endpoint, instanceName, accessKeyId, accessKeySecret };
    tableName = await makeTables(place, "llamaindex");
    client = watched(await newClient(place), (operation) => sent.push(operation));
    const sdk = await loadSdk();
    condition = new sdk.Condition(sdk.RowExistenceExpectation.IGNORE);
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await server.close();
  });

  it("writes the column that LlamaIndex writes, byte for byte, and one that it ignores", async () => {
    const key = newKey();
    const store = open();
    await store.addMessage(key, { content: "Hello" });
    await store.addMessage(key, {
      role: "assistant",
      content: "你好, \u{1f600}: \u007f",
      additionalKwargs: { n: 5, score: 0.25, none: null, list: [] },
    });
    const row = await columns(key);
    expect(Object.keys(row).sort()).toEqual(["chatkeep", "history"]);
    expect(row.history).toBe(
      `[${json("Hello")}, {"role": "assistant", "additional_kwargs": {"n": 5, "score": 0.25, "none": null, "list": []}, "blocks": [{"block_type": "text", "text": "你好, \u{1f600}: \u007f"}]}]`,
    );
  });

  it("keeps columns and members that it does not know, numbers as they were written, and changes only what it is to", async () => {
    const key = newKey();
    const foreign = `{"role": "user", "additional_kwargs": {"n": 1.0, "big": 12345678901234567890, "x": NaN}, "content": "kept", "added": {"a": [1,  2]}}`;
    await put(key, { history: `[${foreign}, ${json("b")}, ${json("c")}]`, owner: "somebody" });
    const store = open();
    await store.addMessage(key, { content: "d" });
    await store.addMessage(key, { content: "a2" }, { index: 1 });
    await store.deleteMessage(key, 2);
    await store.replaceMessage(key, 2, { content: "C" });
    const row = await columns(key);
    expect(row.owner).toBe("somebody");
    expect(row.history).toBe(`[${foreign}, ${json("a2")}, ${json("C")}, ${json("d")}]`);
    expect((await store.getMessages(key))[0]?.content).toBe("kept");
  });

  besidePython({
    newKey,
    open,
    async python(key, text) {
      const history = String((await columns(key)).history);
      await put(key, { history: `${history.slice(0, -1)}, ${json(text)}]` });
    },
  });

  it("a write is conditional on what was read, also where Python wrote last", async () => {
    const key = newKey();
    await put(key, { history: `[${json("a")}]` });
    const [reader, writer] = [open(), open()];
    let interfere = true;
    const racing = watched(client, (operation) => {
      if (operation === "updateRow" && interfere) interfere = false;
    });
    // Between the read and the write of the one, the other writes.
    const slow = new Proxy(racing, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (name !== "updateRow" || !interfere) return member;
        return (...args: unknown[]) => {
          interfere = false;
          void writer.addMessage(key, { content: "b" }).then(() => Reflect.apply(member as () => void, target, args));
        };
      },
    });
    const store = open({ client: slow as TablestoreClientLike });
    await store.addMessage(key, { content: "c" });
    expect((await reader.getMessages(key)).map(({ content }) => content)).toEqual(["a", "b", "c"]);
  });

  it.each<[string, (store: TablestoreChatStore, key: string) => Promise<unknown>]>([
    ["addMessage", (store, key) => store.addMessage(key, { content: "new" }, { operationId })],
    ["addMessage with index", (store, key) => store.addMessage(key, { content: "new" }, { operationId, index: 1 })],
    ["setMessages", (store, key) => store.setMessages(key, [{ content: "new" }], { operationId })],
    ["deleteLastMessage", (store, key) => store.deleteLastMessage(key, { operationId })],
    ["deleteMessage", (store, key) => store.deleteMessage(key, 1, { operationId })],
    ["replaceMessage", (store, key) => store.replaceMessage(key, 1, { content: "new" }, { operationId })],
    ["trimMessages", (store, key) => store.trimMessages(key, 2, { operationId })],
    ["deleteMessages", (store, key) => store.deleteMessages(key, { operationId })],
  ])("%s that a caller repeats is not applied again when others have pushed its id out", async (name, mutate) => {
    const key = newKey();
    const store = open();
    const other = open();
    for (let i = 0; i < 5; i++) await store.addMessage(key, { content: `m${i}` });
    await mutate(store, key);
    for (let i = 0; i < 40; i++) await other.addMessage(key, { content: `later ${i}` });
    const before = await other.getMessages(key);
    for (let i = 0; i < 2; i++) {
      // That a conversation has ended is seen by the one that has begun since.
      if (name === "deleteMessages") await mutate(store, key);
      else await expect(mutate(store, key)).rejects.toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    }
    expect(await other.getMessages(key)).toEqual(before);
  });

  it("2 MB are held, more is refused with advice, and nothing is lost", async () => {
    const key = newKey();
    const store = open();
    await store.addMessage(key, { content: "é".repeat(700_000) });
    for (const bytes of [700_000, 2_100_000, 6_000_000]) {
      const error = await store.addMessage(key, { content: "y".repeat(bytes) }).catch((reason: unknown) => reason);
      if (!isChatStoreError(error, "MESSAGE_TOO_LARGE")) expect.fail(String(error));
      if (bytes === 700_000) expect(error.message).toMatch(/chatkeep.*no such limit/);
      expect(error.outcome).toBe("not-applied");
    }
    // Just below 2 MB.
    await store.addMessage(key, { content: "y".repeat(2 * 1024 * 1024 - 1_400_000 - 250) });
    expect(await store.countMessages(key)).toBe(2);
    // And without our marker, so that the condition is all of the history.
    await put(key, { history: (await columns(key)).history });
    expect(await store.trimMessages(key, 1)).toBe(1);
    expect(await store.trimMessages(key, 0)).toBe(1);
  });

  it("half a surrogate pair and NUL stay what they are", async () => {
    const key = newKey();
    const odd = { role: "user" as const, content: "half \ud83d, \u0000", additionalKwargs: { "\ude00": "\ud83d" } };
    await open().addMessage(key, odd);
    expect(await open().getMessages(key)).toEqual([odd]);
  });

  it("expires when Chatkeep wrote last; what Python writes over it does not", async () => {
    const key = newKey();
    const store = open({ ttlSeconds: 0.3 });
    await store.addMessage(key, { content: "a" });
    expect(Number(String((await columns(key)).chatkeep_until))).toBeGreaterThan(Date.now());
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await store.getMessages(key)).toEqual([]);
    expect(await store.getKeys({ prefix: key })).toEqual([]);
    await store.addMessage(key, { content: "new" });
    expect((await columns(key)).history).toBe(`[${json("new")}]`);
    await put(key, { history: `[${json("new")}, ${json("python")}]` });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await store.countMessages(key)).toBe(2);

    // A store without a time to live takes it off.
    await store.addMessage(key, { content: "x" });
    await open().addMessage(key, { content: "more" });
    expect((await columns(key)).chatkeep_until).toBeUndefined();
  });

  it("purgeExpired deletes what has expired", async () => {
    const [over, alive] = [newKey(), newKey()];
    await open({ ttlSeconds: 0.2 }).addMessage(over, { content: "x" });
    await open({ ttlSeconds: 60 }).addMessage(alive, { content: "x" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await open().purgeExpired()).toBeGreaterThanOrEqual(1);
    expect(await columns(over)).toEqual({});
    expect(await columns(alive)).not.toEqual({});
  });

  it("keys are listed by prefix and page, without the emptied ones, of ours or Python's", async () => {
    const prefix = `list ${newKey()}/`;
    const store = open();
    const names = Array.from({ length: 12 }, (_, i) => `${prefix}${i}`);
    for (const [i, key] of names.entries()) {
      if (i % 2 === 0) await store.addMessage(key, { content: "x".repeat(1_000) });
      else await put(key, { history: `[${json("x".repeat(400_000))}]` });
    }
    await store.deleteLastMessage(names[2] ?? "");
    await put(names[3] ?? "", { history: "[]" });
    const expected = names.filter((_, i) => i !== 2 && i !== 3).sort();
    expect((await store.getKeys({ prefix })).sort()).toEqual(expected);
    const paged = [];
    for await (const key of store.listKeys({ prefix, pageSize: 2 })) paged.push(key);
    expect(paged.sort()).toEqual(expected);
    expect(await store.getMessages(names[2] ?? "")).toEqual([]);
  });

  it("a row that is another application's, or damaged, is told and left alone", async () => {
    const [foreign, damaged, noMessage] = [newKey(), newKey(), newKey()];
    await put(foreign, { something: "else" });
    await put(damaged, { history: `[${json("a")}` });
    await put(noMessage, { history: "[1]" });
    const store = open();
    for (const call of [
      () => store.getMessages(foreign),
      () => store.addMessage(foreign, { content: "a" }),
      () => store.deleteMessages(foreign),
      () => store.getMessages(damaged),
      () => store.addMessage(damaged, { content: "a" }),
      () => store.getMessages(noMessage),
    ]) {
      const error = await call().catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "CORRUPT_MESSAGE"), String(error)).toBe(true);
    }
    expect(await columns(foreign)).toEqual({ something: "else" });
    expect((await columns(damaged)).history).toBe(`[${json("a")}`);
  });

  it("reads and writes are as few as can be", async () => {
    const key = newKey();
    const store = open();
    await store.addMessage(key, { content: "a" });
    sent = [];
    await store.addMessage(key, { content: "b" });
    expect(sent).toEqual(["getRow", "updateRow"]);
    sent = [];
    await store.setMessages(key, [{ content: "c" }]);
    expect(sent).toEqual(["updateRow"]);
    sent = [];
    await store.deleteMessages(key);
    expect(sent).toEqual(["getRow", "deleteRow"]);
  });
});
