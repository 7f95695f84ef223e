import { killedClients, killedServer } from "@chatkeep/store-tests";
import { spawnClient, startPostgres, tcpProxy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe } from "vitest";
import { PostgresChatStore, type PostgresLayout } from "../src/index.js";
import { dropSchema, isWrite, makeTables, newSchema } from "./support/schemas.js";

const server = runningServer("postgres");
const layouts: PostgresLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(server?.own)("a server that is killed", () => {
  killedServer(async () => {
    const own = await startPostgres();
    // Several writers on one conversation each; the layout "llamaindex" can't send again what was under way.
    const patient = { maxRetries: 200, timeoutMs: 90_000 };
    const stores = Array.from({ length: 3 }, () =>
      PostgresChatStore.fromUri(own.url, { schemaName: newSchema(), ...patient }),
    );
    for (const store of stores) await store.setup();
    return { server: own, stores, close: own.stop };
  });
});

describe.runIf(server).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  killedClients(async () => {
    const { url } = server!;
    const schemaName = await makeTables(url, layout);
    const proxy = await tcpProxy(server!);
    const script = new URL("./support/crash-client.ts", import.meta.url);
    return {
      proxy,
      store: PostgresChatStore.fromUri(url, { schemaName, layout }),
      // Logging in and a look at the tables change nothing.
      counts: isWrite,
      client: (key) => spawnClient(script, [through(url, proxy), schemaName, layout, key]),
      async close() {
        await proxy.close();
        await dropSchema(url, schemaName);
      },
    };
  });
});
