import { textOf } from "@chatkeep/chat-store-core";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { AzureChatStore } from "../src/index.js";
import { newClient, newTableName, shiftTime } from "./support/tables.js";

const server = runningServer("azurite");
const hour = 60 * 60 * 1000;
const message = { content: "a" };

describe.runIf(server)("purgeExpired, layout chatkeep", () => {
  const made: string[] = [];
  let table: string;
  let elapsed: number;
  let lasting: AzureChatStore;
  let passing: AzureChatStore;

  beforeEach(async () => {
    table = newTableName();
    made.push(table);
    elapsed = 0;
    lasting = new AzureChatStore({ client: newTimedClient(), layout: "chatkeep" });
    passing = new AzureChatStore({ client: newTimedClient(), layout: "chatkeep", ttlSeconds: 60 });
    await lasting.setup();
  });
  afterAll(async () => {
    for (const each of made) await newClient(server!.url, each).deleteTable();
  });

  function newTimedClient() {
    const client = newClient(server!.url, table);
    shiftTime(client, () => elapsed);
    return client;
  }

  /** The keys that the table knows, and the partitions in which there is a head, and a message. */
  async function stored() {
    const found = { keys: new Set<string>(), heads: new Set<string>(), rows: new Set<string>() };
    for await (const { partitionKey = "", rowKey, Key } of newClient(server!.url, table).listEntities()) {
      if (partitionKey === "keys") found.keys.add(Buffer.from(Key as Uint8Array).toString());
      else (rowKey === "0" ? found.heads : found.rows).add(partitionKey);
    }
    return { keys: [...found.keys].sort(), heads: [...found.heads].sort(), rows: [...found.rows].sort() };
  }

  it("ends what has expired, drops its head after a day, and its key with the next call; the living stay", async () => {
    await lasting.addMessage("stays", message);
    await passing.addMessages("goes", [message, message]);
    elapsed = 61_000;
    expect(await lasting.purgeExpired()).toBe(1);
    expect(await lasting.getKeys()).toEqual(["stays"]);
    expect(await stored()).toEqual({ keys: ["goes", "stays"], heads: ["k-goes", "k-stays"], rows: ["k-stays"] });

    elapsed += 25 * hour;
    expect(await lasting.purgeExpired()).toBe(0);
    expect(await stored()).toEqual({ keys: ["goes", "stays"], heads: ["k-stays"], rows: ["k-stays"] });
    expect(await lasting.purgeExpired()).toBe(0);
    expect(await stored()).toEqual({ keys: ["stays"], heads: ["k-stays"], rows: ["k-stays"] });

    await lasting.addMessage("goes", message);
    expect((await lasting.getKeys()).sort()).toEqual(["goes", "stays"]);
  });

  it("leaves a key without a head alone for a day, as its first message may be on its way", async () => {
    await lasting.addMessage("young", message);
    await newClient(server!.url, table).deleteEntity("k-young", "0");
    elapsed = 23 * hour;
    await lasting.purgeExpired();
    expect((await stored()).keys).toEqual(["young"]);
    elapsed = 25 * hour;
    await lasting.purgeExpired();
    expect((await stored()).keys).toEqual([]);
  });

  it("keeps the key of a conversation that begins again at that moment", async () => {
    await lasting.addMessage("returns", message);
    await lasting.deleteMessages("returns");
    elapsed = 25 * hour;
    await lasting.purgeExpired(); // its head
    const client = newTimedClient();
    let met = 0;
    client.pipeline.addPolicy({
      name: "testBeginsAgain",
      async sendRequest(request, next) {
        if (request.method === "DELETE" && /PartitionKey=(?:'|%27)keys/.test(request.url) && met++ === 0) {
          await lasting.addMessage("returns", { content: "again" });
        }
        return next(request);
      },
    });
    await new AzureChatStore({ client, layout: "chatkeep" }).purgeExpired();
    expect(met).toBe(1);
    expect(await lasting.getKeys()).toEqual(["returns"]);
    expect((await lasting.getMessages("returns")).map(textOf)).toEqual(["again"]);
  });
});

describe.runIf(server)("purgeExpired, layout llamaindex", () => {
  it("answers 0 and removes nothing, as nothing expires there", async () => {
    const [chat, metadata] = [newTableName(), newTableName()];
    const clients = [newClient(server!.url, chat), newClient(server!.url, metadata)] as const;
    for (const each of clients) shiftTime(each, () => 10_000 * hour);
    const [client, metadataClient] = clients;
    const store = new AzureChatStore({ client, metadataClient, layout: "llamaindex" });
    await store.setup();
    await store.addMessage("k", message);
    expect(await store.purgeExpired()).toBe(0);
    expect((await store.getMessages("k")).map(textOf)).toEqual(["a"]);
    expect(await store.getKeys()).toEqual(["k"]);
    for (const each of clients) await each.deleteTable();
  });
});
