import { AzureChatStore } from "@chatkeep/chat-store-azure";
import { azuriteAccount, startAzurite } from "@chatkeep/test-servers";
import { httpLink, type UrlConnection } from "../links.js";
import type { SharedSubject } from "../subject.js";

export const subject: SharedSubject = {
  kind: "shared",
  // Azurite takes some milliseconds for each entity.
  sizes: { round: 60, big: 300, editing: 200 },
  async start() {
    const server = await startAzurite();
    const account = { endpoint: server.url, credential: azuriteAccount };
    const store = new AzureChatStore(account);
    await store.setup();
    await store.close();
    const rates = { "reset-before": 0.02, "reset-after": 0.03, "truncate-reply": 0.01, duplicate: 0.02, delay: 0.05 };
    return {
      link: (seed) => httpLink(server.url, seed, rates),
      server: { notKilled: "Azurite keeps what it acknowledged in memory" },
      stop: server.stop,
    };
  },
  open(connection) {
    const endpoint = `${(connection as UrlConnection).url}/${azuriteAccount.name}`;
    const store = new AzureChatStore({ endpoint, credential: azuriteAccount, autoSetup: false, maxRetries: 10 });
    return { store, close: () => store.close() };
  },
};
