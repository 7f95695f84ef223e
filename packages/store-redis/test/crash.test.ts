import { killedClients, killedServer } from "@chatkeep/store-tests";
import { spawnClient, startRedis, type TcpRequest, tcpProxy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe } from "vitest";
import { RedisChatStore, type RedisLayout } from "../src/index.js";

const server = runningServer("redis");
const layouts: RedisLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(server?.own)("a server that is killed", () => {
  killedServer(async () => {
    // Its append-only file is written through before each acknowledgement.
    const own = await startRedis({ durable: true });
    const stores = layouts.map((layout) => new RedisChatStore({ redisUrl: own.url, layout, maxRetries: 60 }));
    return { server: own, stores, close: own.stop };
  });
});

describe.runIf(server).each(layouts)("a client that is killed between any two requests, layout %s", (layout) => {
  killedClients<TcpRequest>(async () => {
    const keyPrefix = `crash-${process.pid}-${layout}:`;
    const proxy = await tcpProxy(server!);
    const script = new URL("./support/crash-client.ts", import.meta.url);
    const store = new RedisChatStore({ redisUrl: server!.url, layout, keyPrefix });
    return {
      proxy,
      store,
      // Not what a client says when it connects.
      counts: ({ data }) => /eval(?:sha)?\r\n/i.test(data.toString("latin1")),
      client: (key) => spawnClient(script, [through(server!.url, proxy), layout, keyPrefix, key]),
      async close() {
        await proxy.close();
        const after = new RedisChatStore({ redisUrl: server!.url, layout, keyPrefix });
        for await (const key of after.listKeys()) await after.deleteMessages(key);
        await after.close();
      },
    };
  });
});
