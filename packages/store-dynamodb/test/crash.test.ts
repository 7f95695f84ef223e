import { type HttpRequest, httpProxy, killBetweenRequests, spawnClient, startDynamoDB } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { DynamoDBChatStore, type DynamoDBLayout } from "../src/index.js";
import { credentials, dropTable, makeTable, newClient, newTableName, region } from "./support/tables.js";

const server = runningServer("dynamodb");
const layouts: DynamoDBLayout[] = ["chatkeep", "llamaindex"];
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe.runIf(server?.own)("a server that is killed", () => {
  it("has every write that was acknowledged when it is back", async () => {
    const own = await startDynamoDB({ durable: true });
    // A JVM takes some seconds to be back.
    const connection = { endpoint: own.url, region, credentials, maxRetries: 60, timeoutMs: 90_000 };
    const stores = layouts.map((layout) => new DynamoDBChatStore({ ...connection, tableName: newTableName(), layout }));
    try {
      for (const store of stores) await store.setup();
      const acknowledged = stores.map(() => [] as string[]);
      let writing = true;
      const writers = stores.map(async (store, which) => {
        for (let i = 0; writing; i++) {
          await store.addMessage("k", { content: `m${i}` });
          acknowledged[which]?.push(`m${i}`);
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await own.kill();
      await own.restart();
      // What was under way is sent again and answered.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      writing = false;
      await Promise.all(writers);
      for (const [which, store] of stores.entries()) {
        expect(acknowledged[which]?.length).toBeGreaterThan(10);
        expect((await store.getMessages("k")).map(({ content }) => content)).toEqual(acknowledged[which]);
      }
    } finally {
      for (const store of stores) await store.close();
      await own.stop();
    }
  });
});

describe.runIf(server).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  it.each([
    ["set", numbered("new", 60)],
    ["add", [...numbered("old", 5), ...numbered("new", 60)]],
    ["delete", ["old0", "old1", "old3", "old4"]],
  ])("%s is done wholly or not at all, and the conversation goes on", async (order, after) => {
    const direct = newClient(server!.url);
    const tableName = await makeTable(direct, layout);
    const proxy = await httpProxy(server!.url);
    const store = new DynamoDBChatStore({ client: direct, tableName, layout });
    const before = numbered("old", 5);
    const outcomes = new Set<string>();
    let key = "";
    let count = 0;
    try {
      await killBetweenRequests<HttpRequest>({
        proxy,
        start: async () => {
          key = `key ${++count}`;
          await store.addMessages(
            key,
            before.map((content) => ({ content })),
          );
          const client = await spawnClient(new URL("./support/crash-client.ts", import.meta.url), [
            proxy.url,
            tableName,
            layout,
            key,
          ]);
          expect(await client.receive()).toBe("ready");
          return client;
        },
        order,
        check: async () => {
          const read = (await store.getMessages(key)).map(({ content }) => content);
          outcomes.add(JSON.stringify(read));
          await store.addMessage(key, { content: "more" });
          expect((await store.getMessages(key)).map(({ content }) => content)).toEqual([...read, "more"]);
        },
      });
      expect([...outcomes].sort()).toEqual([JSON.stringify(before), JSON.stringify(after)].sort());
    } finally {
      await store.close();
      await dropTable(direct, tableName);
      direct.destroy();
      await proxy.close();
    }
  });
});
