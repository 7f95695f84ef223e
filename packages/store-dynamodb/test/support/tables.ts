import { randomUUID } from "node:crypto";
import { DeleteTableCommand, DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBChatStore, type DynamoDBLayout } from "../../src/index.js";

/** DynamoDB Local takes any; they must appear in no error. */
export const credentials = { accessKeyId: "AKIDTESTACCESSKEYID", secretAccessKey: "secret-access-key-of-the-tests" };
export const region = "eu-test-1";

export function newClient(endpoint: string, config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ endpoint, region, credentials, ...config });
}

/** Counts the requests of a client, each try of the SDK's own by itself. */
export function countRequests(client: DynamoDBClient, count: (operation: string) => void): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      count(String(context.commandName ?? ""));
      return next(args);
    },
    { step: "finalizeRequest", priority: "low", name: "testCountsRequests" },
  );
}

/** Settles when a client's requests have come to an end, with those that follow from their answers. */
export function whenSettled(client: DynamoDBClient): () => Promise<void> {
  const underWay = new Set<Promise<unknown>>();
  client.middlewareStack.add(
    (next) => (args) => {
      const request = next(args).finally(() => underWay.delete(request));
      underWay.add(request);
      return request;
    },
    { step: "initialize", name: "testWaits" },
  );
  return async () => {
    do {
      await Promise.allSettled(underWay);
      await new Promise((resolve) => setImmediate(resolve));
    } while (underWay.size > 0);
  };
}

export function newTableName(): string {
  return `chatkeep-${randomUUID()}`;
}

/** Makes a table of its own, as `setup()` does. */
export async function makeTable(client: DynamoDBClient, layout: DynamoDBLayout, tableName = newTableName()) {
  const store = new DynamoDBChatStore({ client, tableName, layout });
  await store.setup();
  await store.close();
  return tableName;
}

export async function dropTable(client: DynamoDBClient, tableName: string): Promise<void> {
  await client.send(new DeleteTableCommand({ TableName: tableName }));
}
