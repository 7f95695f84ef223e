import type { TableClient } from "@azure/data-tables";
import { interop, PythonStore, pythonFails, recorded } from "@chatkeep/store-tests";
import { azuriteAccount } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AzureChatStore } from "../src/index.js";
import { credential, dropTables, newClient, newTables } from "./support/tables.js";

const server = runningServer("azurite");

function settingsOf({ chatTableName, metadataTableName }: ReturnType<typeof newTables>) {
  const { name, key } = azuriteAccount;
  const account = `DefaultEndpointsProtocol=http;AccountName=${name};AccountKey=${key}`;
  return {
    connection_string: `${account};TableEndpoint=${server!.url}`,
    chat_table_name: chatTableName,
    metadata_table_name: metadataTableName,
  };
}

const noJson = { write: /not JSON serializable/ };

describe.runIf(server)("with LlamaIndex Python on the same tables", () => {
  interop({
    backend: "azure",
    oldest: "stores-old",
    append: "refused",
    lacks: {
      insert: "it never shifts, and meets the message that is there",
      delete: "it answers nothing, leaves a hole, and counts positions in RowKeys from then on",
      pop: "it answers nothing",
    },
    gaps: {
      "an image": noJson,
      "an image's URL": noJson,
      audio: noJson,
      "audio's URL": noJson,
      video: noJson,
      "a video's URL": noJson,
      document: noJson,
    },
    async start() {
      const tables = newTables();
      const store = new AzureChatStore({ endpoint: server!.url, credential, layout: "llamaindex", ...tables });
      await store.setup();
      return {
        server: "Azurite 3.35.0",
        store,
        settings: settingsOf(tables),
        close: () => dropTables(server!.url, tables),
      };
    },
  });
});

describe.runIf(server)("what is Azure's own with LlamaIndex Python", () => {
  const record = recorded("azure");
  const tables = newTables();
  let store: AzureChatStore;
  let chat: TableClient;
  let metadata: TableClient;
  let python: PythonStore;

  beforeAll(async () => {
    store = new AzureChatStore({ endpoint: server!.url, credential, layout: "llamaindex", ...tables });
    await store.setup();
    chat = newClient(server!.url, tables.chatTableName);
    metadata = newClient(server!.url, tables.metadataTableName);
    python = await PythonStore.start("newest", "azure", settingsOf(tables));
  }, 600_000);
  afterAll(async () => {
    await store.close();
    await dropTables(server!.url, tables);
  });

  const entitiesOf = async (key: string) => {
    const entities = [];
    const filter = `PartitionKey eq '${key}'`;
    for await (const { etag: _etag, timestamp: _timestamp, ...entity } of chat.listEntities({
      queryOptions: { filter },
    })) {
      entities.push(entity);
    }
    return entities;
  };
  const countOf = async (key: string) => {
    const { LastMessageRowKey, MessageCount } = await metadata.getEntity(tables.chatTableName, key);
    return { LastMessageRowKey, MessageCount };
  };
  const numbered = (count: number, prefix = "m") =>
    Array.from({ length: count }, (_, i) => ({ content: `${prefix}${i}` }));

  it("an append is the entity and the count that Python writes, but for the marker on the first", async () => {
    const messages = [
      { role: "user" as const, content: 'Héllo "you" 😀' },
      { role: "assistant" as const, content: "x".repeat(40_000), additionalKwargs: { a: [1, { b: null }], c: "é" } },
    ];
    for (const message of messages) {
      await store.addMessage("ours", message);
      await python.add("python", message);
    }
    const ours = await entitiesOf("ours");
    const theirs = await entitiesOf("python");
    expect(ours.map(({ chatkeep: _marker, partitionKey: _key, ...entity }) => entity)).toEqual(
      theirs.map(({ partitionKey: _key, ...entity }) => entity),
    );
    expect(ours.map(({ chatkeep }) => chatkeep === undefined)).toEqual([false, true]);
    expect(await countOf("ours")).toEqual(await countOf("python"));
  });

  pythonFails(record, "`set_messages` can't replace what is there, nor write more than 100 messages", async () => {
    await python.set("over", numbered(2));
    await expect(python.set("over", numbered(2, "n"))).rejects.toThrow(/InvalidDuplicateRow|Duplicate/i);
    await store.setMessages("over", numbered(3, "n"));
    expect(await python.get("over")).toEqual(numbered(3, "n").map(({ content }) => ({ role: "user", content })));
    await python.add("over", { content: "more" });
    expect(await store.countMessages("over")).toBe(4);

    await expect(python.set("many", numbered(101))).rejects.toThrow();
    await store.setMessages("many", numbered(250));
    await store.addMessages("many", numbered(150, "n"));
    await store.setMessages("many", numbered(320, "o"));
    await store.trimMessages("many", 310);
    await python.add("many", { content: "more" });
    const read = (await python.get("many")).map(({ content }) => content);
    expect(read).toEqual([
      ...numbered(320, "o")
        .slice(10)
        .map(({ content }) => content),
      "more",
    ]);
    expect((await store.getMessages("many")).map(({ content }) => content)).toEqual(read);
  });

  pythonFails(
    record,
    "`delete_message` and `delete_last_message` answer nothing; the former leaves a hole",
    async () => {
      await python.add("holes", ...numbered(5));
      expect(await python.pop("holes")).toBeUndefined();
      expect(await python.delete("holes", 0)).toBeUndefined();
      await python.delete("holes", 2);
      const contents = async () => (await store.getMessages("holes")).map(({ content }) => content);
      expect(await contents()).toEqual(["m1", "m3"]);
      await store.addMessage("holes", { content: "more" });
      await python.add("holes", { content: "from python" });
      await store.addMessage("holes", { content: "between" }, { index: 1 });
      expect(await contents()).toEqual(["m1", "between", "m3", "more", "from python"]);
      expect((await python.get("holes")).map(({ content }) => content)).toEqual(await contents());
      expect(await store.deleteMessage("holes", 0)).toEqual({ role: "user", content: "m1" });
      expect((await python.get("holes")).map(({ content }) => content)).toEqual(await contents());
    },
  );

  pythonFails(
    record,
    "`delete_last_message` raises where there never was a message, and where none is left it turns round what comes later",
    async () => {
      const contents = async (key: string) => (await python.get(key)).map(({ content }) => content);
      await expect(python.pop("never")).rejects.toThrow(/ResourceNotFound/);
      for (const key of ["theirs", "both"]) {
        await python.add(key, { content: "a" });
        for (let i = 0; i < 3; i++) await python.pop(key);
        expect(await countOf(key)).toMatchObject({ MessageCount: -2 });
      }
      await python.add("theirs", { content: "b" }, { content: "c" });
      expect(await contents("theirs")).toEqual(["c", "b"]);

      await store.addMessage("ours alone", { content: "a" });
      await store.deleteLastMessage("ours alone");
      for (const key of ["never", "both", "ours alone"]) {
        for (let i = 0; i < 2; i++) expect(await store.deleteLastMessage(key)).toBeUndefined();
        await store.addMessage(key, { content: "b" });
        await python.add(key, { content: "c" });
        expect(await contents(key)).toEqual(["b", "c"]);
        expect(await store.getMessages(key)).toEqual(await python.get(key));
      }
    },
  );

  pythonFails(record, 'the mode "cosmos" stores messages without their content, and reads none', async () => {
    const cosmos = await PythonStore.start("newest", "azure", { ...settingsOf(tables), service_mode: "cosmos" });
    await cosmos.add("cosmos", { role: "assistant", content: "lost" });
    const [entity] = await entitiesOf("cosmos");
    expect(Object.keys(entity ?? {}).sort()).toEqual(["partitionKey", "rowKey"]);
    await expect(cosmos.get("cosmos")).rejects.toThrow(/ValueError/);

    const ours = new AzureChatStore({
      endpoint: server!.url,
      credential,
      layout: "llamaindex",
      serviceMode: "cosmos",
      ...tables,
    });
    await ours.setMessages("cosmos", [{ role: "assistant", content: "kept" }]);
    expect(await ours.getMessages("cosmos")).toEqual([{ role: "assistant", content: "kept" }]);
    expect(await python.get("cosmos")).toEqual([{ role: "assistant", content: "kept" }]);
    await ours.close();
  });

  pythonFails(record, "a quote in a key breaks its query", async () => {
    await store.setMessages("it's", numbered(2));
    await expect(python.get("it's")).rejects.toThrow(/InvalidInput/);
    expect(await store.countMessages("it's")).toBe(2);
    expect(await store.getKeys({ prefix: "it's" })).toEqual(["it's"]);
  });

  pythonFails(record, "a plain content of old packages that looks like a number is read as no content", async () => {
    await chat.createEntity({
      partitionKey: "plain",
      rowKey: "0000000000",
      role: '"tool"',
      content: "42",
      additional_kwargs: "{}",
    });
    expect(await store.getMessages("plain")).toEqual([{ role: "tool", content: "42" }]);
    expect(await python.get("plain")).toEqual([{ role: "tool", content: [] }]);
  });

  it("Python forgets, and both begin anew", async () => {
    await store.setMessages("anew", numbered(3));
    await python.forget("anew");
    expect(await store.getKeys({ prefix: "anew" })).toEqual([]);
    await store.addMessage("anew", { content: "a" });
    await python.add("anew", { content: "b" });
    expect((await python.get("anew")).map(({ content }) => content)).toEqual(["a", "b"]);
  });
});
