import { TablestoreChatStore, type TablestoreLayout } from "@chatkeep/chat-store-tablestore";
import { startTablestore } from "@chatkeep/test-servers";
import { httpLink, type UrlConnection } from "./links.js";
import type { SharedSubject } from "./subject.js";

const access = {
  instanceName: "chatkeep",
  accessKeyId: "test-access-key-id",
  accessKeySecret: "test-access-key-secret",
};

/** A layout of TablestoreChatStore, on a server that keeps its data on disk. */
export function tablestoreSubject(layout: TablestoreLayout): SharedSubject {
  const storeAt = (endpoint: string) =>
    new TablestoreChatStore({ endpoint, ...access, layout, tableName: "soak", maxRetries: 20 });
  return {
    kind: "shared",
    // Every request of the SDK costs some milliseconds of a processor, here and in the server.
    sizes: { round: 60, big: 300 },
    async start() {
      const server = await startTablestore({ durable: true });
      const store = storeAt(server.url);
      await store.setup();
      await store.close();
      const rates = {
        "reset-before": 0.01,
        "reset-after": 0.02,
        "truncate-reply": 0.01,
        duplicate: 0.02,
        "late-duplicate": 0.02,
        delay: 0.03,
      };
      return { link: (seed) => httpLink(server.url, seed, rates), server, stop: server.stop };
    },
    open(connection) {
      const store = storeAt((connection as UrlConnection).url);
      return { store, close: () => store.close() };
    },
  };
}
