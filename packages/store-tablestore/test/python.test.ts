import { interop, PythonStore, pythonFails, recorded } from "@chatkeep/store-tests";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TablestoreChatStore, type TablestoreClientLike } from "../src/index.js";
import { dropTables, newClient, newTableName, type Place, placeOf, type TestClient } from "./support/tables.js";

const server = runningServer("tablestore");

/** Bytes and URLs are no JSON to Python's `json.dumps`. */
const noBytes = { write: /not JSON serializable/ };

async function bench() {
  const place = placeOf(server!);
  const client = await newClient(place);
  const tableName = newTableName();
  const { endpoint, instanceName, accessKeyId, accessKeySecret } = place;
  return {
    place,
    client,
    tableName,
    // Python makes the table.
    settings: {
      endpoint,
      instance_name: instanceName,
      access_key_id: accessKeyId,
      access_key_secret: accessKeySecret,
      table_name: tableName,
    },
  };
}

describe.runIf(server)("with LlamaIndex Python on the same table", () => {
  interop({
    backend: "tablestore",
    oldest: "plain",
    append: "overwrites",
    lacks: { insert: "there is none" },
    gaps: {
      "an image": noBytes,
      "an image's URL": noBytes,
      audio: noBytes,
      "audio's URL": noBytes,
      video: noBytes,
      "a video's URL": noBytes,
      document: noBytes,
    },
    async start() {
      const { client, tableName, settings } = await bench();
      return {
        server: "the test server of this repository",
        store: new TablestoreChatStore({ client, tableName, layout: "llamaindex", maxRetries: 20 }),
        settings,
        close: () => dropTables(client, tableName),
      };
    },
  });
});

describe.runIf(server)("what is Tablestore's own with LlamaIndex Python", () => {
  const record = recorded("tablestore");
  let place: Place;
  let client: TablestoreClientLike & TestClient;
  let tableName: string;
  let settings: Record<string, unknown>;
  let store: TablestoreChatStore;
  let python: PythonStore;

  beforeAll(async () => {
    ({ place, client, tableName, settings } = await bench());
    store = new TablestoreChatStore({ ...place, tableName, layout: "llamaindex" });
    await store.setup();
    python = await PythonStore.start("newest", "tablestore", settings);
  }, 600_000);
  afterAll(async () => {
    await store.close();
    await dropTables(client, tableName);
  });

  const history = async (key: string) => {
    const { row } = await client.getRow({ tableName, primaryKey: [{ session_id: key }] });
    return row.attributes?.find(({ columnName }) => columnName === "history")?.columnValue;
  };

  it("Python takes the table that setup() made, and what both write is the same, byte for byte", async () => {
    const messages = [
      { role: "user" as const, content: "你好, \u{1f600} \u0000 \u2028 \u007f" },
      { role: "tool" as const, content: "42", additionalKwargs: { tool_call_id: "c", n: 5, none: null } },
    ];
    await store.setMessages("ours", messages);
    await python.set("python", messages);
    expect(await history("ours")).toBe(await history("python"));
  });

  it("what Python wrote stays as it is while others are changed", async () => {
    const oldest = await PythonStore.start("plain", "tablestore", settings);
    await oldest.addStored("old", { role: "user", content: "Hello" }, { role: "assistant", content: "Hi" });
    await store.deleteMessage("old", 1);
    expect(await history("old")).toBe('[{"role": "user", "content": "Hello", "additional_kwargs": {}}]');
  }, 600_000);

  pythonFails(record, "an emptied conversation stays a key", async () => {
    await python.add("emptied", { role: "user", content: "a" });
    await python.pop("emptied");
    expect(await python.keys()).toContain("emptied");
    expect(await store.getKeys({ prefix: "emptied" })).toEqual([]);
  });
});
