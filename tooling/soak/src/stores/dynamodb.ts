import { DynamoDBChatStore } from "@chatkeep/chat-store-dynamodb";
import { startDynamoDB } from "@chatkeep/test-servers";
import { httpLink, type UrlConnection } from "../links.js";
import type { SharedSubject } from "../subject.js";

const tableName = "soak";
const credentials = { accessKeyId: "soak", secretAccessKey: "soak" };

const storeAt = (endpoint: string) =>
  new DynamoDBChatStore({ endpoint, region: "eu-test-1", credentials, tableName, layout: "chatkeep", maxRetries: 20 });

/** DynamoDBChatStore in its own layout, on a DynamoDB Local that keeps its data on disk. */
export const subject: SharedSubject = {
  kind: "shared",
  // Each write is synced to disk: some 100 a second.
  sizes: { round: 90, big: 300 },
  async start() {
    const server = await startDynamoDB({ durable: true });
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
