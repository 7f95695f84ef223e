import type { Subject } from "@chatkeep/chat-store-conformance";
import { Redis } from "ioredis";
import { RedisChatStore, type RedisLayout } from "../../src/index.js";

let places = 0;

/** A layout on a Redis, each place a prefix of its own. Commands are counted as the client sends them. */
export function subjectOf(
  layout: RedisLayout,
  server: { host: string; port: number; url: string },
  more: Partial<Subject> = {},
): Subject {
  const prefixes = new Map<object, string>();
  return {
    name: `RedisChatStore, layout ${layout}`,
    async space() {
      const keyPrefix = `place-${process.pid}-${++places}:`;
      const counts: (() => number)[] = [];
      const client = new Redis(server.url);
      const space = {
        async connect(given: { ttlSeconds?: number } = {}) {
          // The client's own requests (HELLO, INFO, …) are over before the first of the store's is sent.
          const counted = new Redis(server.url, { lazyConnect: true });
          await counted.connect();
          counts.push(countCalls(counted));
          const store = new RedisChatStore({ keyPrefix, layout, ...given, client: counted });
          return Object.assign(store, {
            close: async () => {
              await RedisChatStore.prototype.close.call(store);
              counted.disconnect();
            },
          });
        },
        requests: () => counts.reduce((sum, count) => sum + count(), 0),
        async dispose() {
          for await (const names of client.scanStream({ match: `*${keyPrefix}*`, count: 1_000 })) {
            if (names.length > 0) await client.unlink(names);
          }
          client.disconnect();
        },
      };
      prefixes.set(space, keyPrefix);
      return space;
    },
    async injected(space) {
      const client = new Redis(server.url);
      return {
        store: new RedisChatStore({ client, layout, keyPrefix: prefixes.get(space) ?? "" }),
        clientWorks: () =>
          client.ping().then(
            (answer) => answer === "PONG",
            () => false,
          ),
        closeClient: async () => client.disconnect(),
      };
    },
    requests: {
      addMessage: 1,
      addMessages: 1,
      // Three commands, in one write.
      getPage: layout === "chatkeep" ? 3 : 1,
      deleteLastMessage: 1,
      countMessages: 1,
      deleteMessage: 1,
      replaceMessage: 1,
      deleteMessages: 1,
    },
    ...more,
  };
}

/** Commands that the client sends; not those that it sends by itself when it connects. */
function countCalls(client: Redis): () => number {
  let calls = 0;
  const send = client.sendCommand.bind(client);
  client.sendCommand = (...args) => {
    calls++;
    return send(...args);
  };
  return () => calls;
}
