import { randomUUID } from "node:crypto";
import { killedClients, killedServer } from "@chatkeep/store-tests";
import { httpProxy, spawnClient, startUpstash } from "@chatkeep/test-servers";
import { describe } from "vitest";
import { UpstashChatStore, type UpstashLayout } from "../src/index.js";
import { runningDatabase } from "./support/database.js";

const database = runningDatabase();
const layouts: UpstashLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(database?.own)("a server that is killed", () => {
  killedServer(async () => {
    const server = await startUpstash({ durable: true });
    const connection = { redisUrl: server.url, redisToken: server.token, maxRetries: 60, timeoutMs: 90_000 };
    const stores = layouts.map((layout) => new UpstashChatStore({ ...connection, layout }));
    return { server, stores, close: server.stop };
  });
});

describe.runIf(database).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  killedClients(async () => {
    const { url, token } = database!;
    const proxy = await httpProxy(url);
    const keyPrefix = `${randomUUID()}:`;
    const script = new URL("./support/crash-client.ts", import.meta.url);
    return {
      proxy,
      store: new UpstashChatStore({ redisUrl: url, redisToken: token, keyPrefix, layout }),
      client: (key) => spawnClient(script, [proxy.url, token, keyPrefix, layout, key]),
      close: () => proxy.close(),
    };
  });
});
