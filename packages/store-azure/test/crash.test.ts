import { killedClients } from "@chatkeep/store-tests";
import { httpProxy, spawnClient, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe } from "vitest";
import { AzureChatStore, type AzureLayout } from "../src/index.js";
import { credential, dropTables, newTables } from "./support/tables.js";

// Azurite keeps acknowledged writes in memory for seconds, so that killing it shows nothing: clients only.

const server = runningServer("azurite");
const layouts: AzureLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(server).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  killedClients(async () => {
    const tables = newTables();
    const { chatTableName, metadataTableName } = tables;
    const names = layout === "llamaindex" ? tables : { chatTableName };
    const store = new AzureChatStore({ endpoint: server!.url, credential, layout, ...names });
    await store.setup();
    const proxy = await httpProxy(server!.url);
    const script = new URL("./support/crash-client.ts", import.meta.url);
    return {
      proxy,
      store,
      client: (key) =>
        spawnClient(script, [through(server!.url, proxy), chatTableName, metadataTableName, layout, key]),
      async close() {
        await dropTables(server!.url, tables);
        await proxy.close();
      },
    };
  });
});
