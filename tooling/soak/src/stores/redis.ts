import { RedisChatStore } from "@chatkeep/chat-store-redis";
import { startRedis } from "@chatkeep/test-servers";
import { tcpLink, type UrlConnection } from "../links.js";
import type { SharedSubject } from "../subject.js";

const rates = { "reset-before": 0.02, "reset-after": 0.03, "truncate-reply": 0.02, "black-hole": 0.005, delay: 0.05 };

/** RedisChatStore in its own layout, on a Redis with its append-only file. */
export const subject: SharedSubject = {
  kind: "shared",
  sizes: { big: 400 },
  async start() {
    const server = await startRedis({ durable: true });
    return { link: (seed) => tcpLink(server, seed, rates, { ms: { min: 1, max: 20 } }), server, stop: server.stop };
  },
  open(connection) {
    const { url } = connection as UrlConnection;
    const store = new RedisChatStore({ redisUrl: url, redisOptions: { socketTimeout: 1_000 }, maxRetries: 10 });
    return { store, close: () => store.close() };
  },
};
