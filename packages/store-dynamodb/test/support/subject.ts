import type { Subject } from "@chatkeep/chat-store-conformance";
import { DynamoDBChatStore, type DynamoDBLayout } from "../../src/index.js";
import { countRequests, credentials, dropTable, makeTable, newClient, whenSettled } from "./tables.js";

/** A layout on a DynamoDB, each place a table of its own. */
export function subjectOf(layout: DynamoDBLayout, endpoint: string, more: Partial<Subject>): Subject {
  const tables = new Map<object, string>();
  return {
    name: `DynamoDBChatStore, layout ${layout}`,
    async space() {
      let requests = 0;
      const client = newClient(endpoint);
      const tableName = await makeTable(client, layout);
      countRequests(client, () => requests++);
      const space = {
        connect: async (options = {}) => new DynamoDBChatStore({ client, tableName, layout, ...options }),
        requests: () => requests,
        settled: whenSettled(client),
        async dispose() {
          await dropTable(client, tableName);
          client.destroy();
        },
      };
      tables.set(space, tableName);
      return space;
    },
    secrets: [credentials.accessKeyId, credentials.secretAccessKey],
    async injected(space) {
      const client = newClient(endpoint);
      const store = new DynamoDBChatStore({ client, tableName: tables.get(space) ?? "", layout });
      const probe = new DynamoDBChatStore({ client, tableName: tables.get(space) ?? "", layout });
      return {
        store,
        clientWorks: () =>
          probe.countMessages("k").then(
            (count) => count === 1,
            () => false,
          ),
        closeClient: async () => client.destroy(),
      };
    },
    ...more,
  };
}
