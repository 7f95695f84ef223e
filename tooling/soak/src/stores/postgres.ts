import { PostgresChatStore } from "@chatkeep/chat-store-postgres";
import { startPostgres } from "@chatkeep/test-servers";
import { tcpLink, type UrlConnection } from "../links.js";
import type { SharedSubject } from "../subject.js";

/** PostgresChatStore, layout "chatkeep", on a server of its own, each client with a pool of three connections. */
export const subject: SharedSubject = {
  kind: "shared",
  async start() {
    const server = await startPostgres();
    const store = PostgresChatStore.fromUri(server.url);
    await store.setup();
    await store.close();
    const rates = {
      "reset-before": 0.01,
      "reset-after": 0.02,
      "truncate-reply": 0.01,
      "black-hole": 0.002,
      delay: 0.05,
    };
    return { link: (seed) => tcpLink(server, seed, rates), server, stop: server.stop };
  },
  open(connection) {
    const { url } = connection as UrlConnection;
    const store = PostgresChatStore.fromUri(url, { max: 3, maxRetries: 20, autoSetup: false });
    return { store, close: () => store.close() };
  },
};
