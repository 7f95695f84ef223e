import { killedClients, killedServer } from "@chatkeep/store-tests";
import { httpProxy, spawnClient, startTablestore } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe } from "vitest";
import { TablestoreChatStore, type TablestoreLayout } from "../src/index.js";
import { dropTables, makeTables, newClient, newTableName, placeOf } from "./support/tables.js";

const server = runningServer("tablestore");
const layouts: TablestoreLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(server?.own)("a server that is killed", () => {
  killedServer(async () => {
    const own = await startTablestore({ durable: true });
    const connection = { endpoint: own.url, ...own.access, maxRetries: 60, timeoutMs: 60_000 };
    const stores = layouts.map(
      (layout) => new TablestoreChatStore({ ...connection, tableName: newTableName(), layout }),
    );
    for (const store of stores) await store.setup();
    return { server: own, stores, close: own.stop };
  });
});

describe.runIf(server).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  killedClients(async () => {
    const place = placeOf(server!);
    const client = await newClient(place);
    const tableName = await makeTables(place, layout);
    const proxy = await httpProxy(place.endpoint);
    const script = new URL("./support/crash-client.ts", import.meta.url);
    return {
      proxy,
      store: new TablestoreChatStore({ client, tableName, layout }),
      client: (key) => spawnClient(script, [JSON.stringify({ ...place, endpoint: proxy.url }), tableName, layout, key]),
      async close() {
        await dropTables(client, tableName);
        await proxy.close();
      },
    };
  });
});
