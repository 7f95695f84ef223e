import { randomUUID } from "node:crypto";
import type { Subject } from "@chatkeep/chat-store-conformance";
import { httpProxy } from "@chatkeep/test-servers";
import { UpstashChatStore, type UpstashLayout } from "../../src/index.js";
import { type Database, newClient } from "./database.js";

/** A layout on a database, each place a prefix of its own behind a proxy of its own. */
export function subjectOf(layout: UpstashLayout, database: Database, more: Partial<Subject>): Subject {
  const prefixes = new Map<object, string>();
  return {
    name: `UpstashChatStore, layout ${layout}`,
    async space() {
      const proxy = await httpProxy(database.url);
      const keyPrefix = `${randomUUID()}:`;
      const space = {
        connect: async (options = {}) =>
          new UpstashChatStore({ redisUrl: proxy.url, redisToken: database.token, keyPrefix, layout, ...options }),
        requests: () => proxy.counts.requests,
        dispose: () => proxy.close(),
      };
      prefixes.set(space, keyPrefix);
      return space;
    },
    secrets: [database.token, database.url],
    async injected(space) {
      const client = newClient(database);
      const keyPrefix = prefixes.get(space);
      const store = new UpstashChatStore({ client, keyPrefix, layout });
      return { store, clientWorks: async () => (await client.ping()) === "PONG", closeClient: async () => {} };
    },
    ...more,
  };
}
