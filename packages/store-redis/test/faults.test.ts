import { exactlyOnce, tcpFaults } from "@chatkeep/store-tests";
import { type TcpFault, type TcpRequest, tcpProxy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { describe, expect, it } from "vitest";
import { RedisChatStore, type RedisChatStoreOptions, type RedisClientLike, type RedisLayout } from "../src/index.js";

const server = runningServer("redis");
const layouts: RedisLayout[] = ["chatkeep", "llamaindex"];

const isWrite = ({ data }: TcpRequest) => /^\*\d+\r\n\$\d+\r\neval(?:sha)?\r\n/i.test(data.toString("latin1"));
const message = (content: string) => ({ role: "user" as const, content });

let places = 0;

async function bench(layout: RedisLayout) {
  const keyPrefix = `faults-${process.pid}-${++places}:`;
  const proxy = await tcpProxy(server!);
  const url = through(server!.url, proxy);
  const clients: { disconnect(): void }[] = [];
  const common = { keyPrefix, layout };
  return {
    proxy,
    reader: new RedisChatStore({ ...common, redisUrl: server!.url }),
    owned: (options?: RedisChatStoreOptions) => new RedisChatStore({ ...common, redisUrl: url, ...options } as never),
    /** ioredis as it is by default: resends what was under way on a connection that was lost. */
    injected(options?: RedisChatStoreOptions, client: RedisClientLike & { disconnect(): void } = new Redis(url)) {
      clients.push(client);
      client.on("error", () => {});
      return new RedisChatStore({ ...common, client, ...options } as never);
    },
    url,
    async close() {
      for (const client of clients) client.disconnect();
      const direct = new Redis(server!.url);
      for await (const names of direct.scanStream({ match: `*${keyPrefix}*`, count: 1_000 })) {
        if (names.length > 0) await direct.unlink(names);
      }
      direct.disconnect();
      await proxy.close();
    },
  };
}

describe.runIf(server).each(layouts)("exactly once, layout %s", (layout) => {
  exactlyOnce<TcpRequest, TcpFault>({ faults: tcpFaults, isWrite, start: () => bench(layout) });
});

describe.runIf(server).each(layouts)("a client that was handed in, layout %s", (layout) => {
  const hanging = { autoResendUnfulfilledCommands: false, lazyConnect: true };
  const clients: [string, (url: string) => RedisClientLike & { disconnect(): void }][] = [
    ["of ioredis 6, that resends", (url) => new Redis(url)],
    ["of ioredis 5, that resends", (url) => new Redis5(url)],
    ["of ioredis 6, that resends for ever", (url) => new Redis(url, { maxRetriesPerRequest: null })],
    ["of ioredis 6, that neither resends nor settles", (url) => new Redis(url, hanging)],
    ["of ioredis 5, that neither resends nor settles", (url) => new Redis5(url, hanging)],
    ["of ioredis 6, that gives up at once", (url) => new Redis(url, { maxRetriesPerRequest: 0 })],
    ["of ioredis 6, without its offline queue", (url) => new Redis(url, { enableOfflineQueue: false })],
    ["of ioredis 6, that pipelines by itself", (url) => new Redis(url, { enableAutoPipelining: true })],
  ];

  it.each(clients)("%s, writes once when replies are lost, and goes on", async (_, make) => {
    const { proxy, reader, injected, url, close } = await bench(layout);
    const store = injected({}, make(url));
    try {
      await store.addMessage("k", message("first"));
      for (let i = 0; i < 4; i++) {
        const lost = proxy.next(1, { kind: "reset-after" }, isWrite);
        await store.addMessage("k", message(`m${i}`));
        expect(lost.hits).toBe(1);
      }
      const lost = proxy.next(1, { kind: "reset-after" }, isWrite);
      expect(await store.deleteLastMessage("k")).toEqual(message("m3"));
      expect(lost.hits).toBe(1);
      expect((await reader.getMessages("k")).map(({ content }) => content)).toEqual(["first", "m0", "m1", "m2"]);
    } finally {
      await store.close();
      await reader.close();
      await close();
    }
  });
});

describe.runIf(server)("the store's own client", () => {
  it("gives a silent connection up, and sends again on another", async () => {
    const { proxy, reader, owned, close } = await bench("chatkeep");
    const store = owned({ redisOptions: { socketTimeout: 200 } } as RedisChatStoreOptions);
    try {
      await store.addMessage("k", message("first"));
      const lost = proxy.next(1, { kind: "black-hole", forward: true }, isWrite);
      await store.addMessage("k", message("second"));
      expect(lost.hits).toBe(1);
      expect(await reader.countMessages("k")).toBe(2);
    } finally {
      await store.close();
      await reader.close();
      await close();
    }
  });

  it("is patient with a server that is away for a while, and clear about one that never was there", async () => {
    const { proxy, owned, close } = await bench("chatkeep");
    const store = owned();
    try {
      await store.addMessage("k", message("first"));
      await proxy.down();
      const waiting = store.addMessage("k", message("second"));
      setTimeout(() => void proxy.up(), 2_500);
      await waiting;
      expect(await store.countMessages("k")).toBe(2);
      await proxy.down();
      const never = owned({ maxRetries: 1 });
      await expect(never.addMessage("k", message("x"))).rejects.toMatchObject({
        code: "UNAVAILABLE",
        outcome: "not-applied",
        message: expect.stringContaining("ECONNREFUSED"),
      });
      await never.close();
    } finally {
      await store.close();
      await proxy.up();
      await close();
    }
  });
});
