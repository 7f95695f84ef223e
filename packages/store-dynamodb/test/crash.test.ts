import { killedClients, killedServer } from "@chatkeep/store-tests";
import { httpProxy, spawnClient, startDynamoDB } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe } from "vitest";
import { DynamoDBChatStore, type DynamoDBLayout } from "../src/index.js";
import { credentials, dropTable, makeTable, newClient, newTableName, region } from "./support/tables.js";

const server = runningServer("dynamodb");
const layouts: DynamoDBLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(server?.own)("a server that is killed", () => {
  killedServer(async () => {
    const own = await startDynamoDB({ durable: true });
    // A JVM takes some seconds to be back.
    const connection = { endpoint: own.url, region, credentials, maxRetries: 60, timeoutMs: 90_000 };
    const stores = layouts.map((layout) => new DynamoDBChatStore({ ...connection, tableName: newTableName(), layout }));
    for (const store of stores) await store.setup();
    return { server: own, stores, close: own.stop };
  });
});

describe.runIf(server).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  killedClients(async () => {
    const direct = newClient(server!.url);
    const tableName = await makeTable(direct, layout);
    const proxy = await httpProxy(server!.url);
    const script = new URL("./support/crash-client.ts", import.meta.url);
    return {
      proxy,
      store: new DynamoDBChatStore({ client: direct, tableName, layout }),
      client: (key) => spawnClient(script, [proxy.url, tableName, layout, key]),
      async close() {
        await dropTable(direct, tableName);
        direct.destroy();
        await proxy.close();
      },
    };
  });
});
