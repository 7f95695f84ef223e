import { UpstashChatStore } from "@chatkeep/chat-store-upstash";
import { startUpstash } from "@chatkeep/test-servers";
import { httpLink, type UrlConnection } from "../links.js";
import type { SharedSubject } from "../subject.js";

interface DatabaseConnection extends UrlConnection {
  readonly token: string;
}

/** UpstashChatStore in its own layout, over a redis-server with its append-only file behind Upstash's protocol. */
export const subject: SharedSubject = {
  kind: "shared",
  sizes: { big: 400 },
  async start() {
    const server = await startUpstash({ durable: true });
    const rates = {
      "reset-before": 0.02,
      "reset-after": 0.03,
      "truncate-reply": 0.02,
      "black-hole": 0.005,
      duplicate: 0.03,
      "late-duplicate": 0.02,
      delay: 0.05,
    };
    return {
      async link(seed) {
        const link = await httpLink(server.url, seed, rates, { ms: { min: 1, max: 20 } });
        const connection: DatabaseConnection = { ...(link.connection as UrlConnection), token: server.token };
        return { ...link, connection };
      },
      server,
      stop: server.stop,
    };
  },
  open(connection) {
    const { url, token } = connection as DatabaseConnection;
    const store = new UpstashChatStore({ redisUrl: url, redisToken: token, timeoutMs: 5_000, maxRetries: 10 });
    return { store, close: () => store.close() };
  },
};
