import { isChatStoreError } from "@chatkeep/chat-store-core";
import { exactlyOnce, httpFaults } from "@chatkeep/store-tests";
import {
  type HttpFault,
  type HttpRequest,
  httpProxy,
  provisionedThroughputExceeded,
  transactionConflict,
} from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { DynamoDBChatStore, type DynamoDBLayout } from "../src/index.js";
import { credentials, dropTable, makeTable, newClient, region } from "./support/tables.js";

const server = runningServer("dynamodb");

const operationOf = ({ headers }: HttpRequest) => headers["x-amz-target"]?.split(".").at(-1) ?? "";
const message = (content: string) => ({ role: "user" as const, content });
const messages = (count: number, prefix = "m") => Array.from({ length: count }, (_, i) => message(`${prefix}${i}`));

const internalError: HttpFault = {
  kind: "respond",
  forward: true,
  answer: { status: 500, body: JSON.stringify({ __type: "com.amazonaws.dynamodb.v20120810#InternalServerError" }) },
};

const layouts: DynamoDBLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(server).each(layouts)("exactly once, layout %s", (layout) => {
  exactlyOnce<HttpRequest, HttpFault>({
    faults: {
      ...httpFaults,
      "it is applied and answered with HTTP 500": internalError,
      "it is throttled": provisionedThroughputExceeded,
      "it meets a transaction": transactionConflict,
    },
    isWrite: (request) => /^(?:Put|Update|Delete)Item$/.test(operationOf(request)),
    busy: { fault: provisionedThroughputExceeded, says: "throttles" },
    async start() {
      const direct = newClient(server!.url);
      const tableName = await makeTable(direct, layout);
      const proxy = await httpProxy(server!.url);
      const connection = { endpoint: proxy.url, region, credentials };
      const clients = [direct];
      return {
        proxy,
        reader: new DynamoDBChatStore({ client: direct, tableName, layout }),
        owned: (options) => new DynamoDBChatStore({ ...connection, tableName, layout, ...options }),
        injected(options) {
          const client = newClient(proxy.url);
          clients.push(client);
          return new DynamoDBChatStore({ client, tableName, layout, ...options });
        },
        async close() {
          await dropTable(direct, tableName);
          for (const client of clients) client.destroy();
          await proxy.close();
        },
      };
    },
  });
});

describe.runIf(server)("batches of the layout chatkeep", () => {
  it("what DynamoDB leaves undone is sent again, until it is done or given up", async () => {
    const direct = newClient(server!.url);
    const tableName = await makeTable(direct, "chatkeep");
    const proxy = await httpProxy(server!.url);
    const connection = { endpoint: proxy.url, region, credentials };
    const store = new DynamoDBChatStore({ ...connection, tableName, layout: "chatkeep", maxRetries: 0 });
    try {
      // A third of each batch is done.
      const partial = (name: "RequestItems", left: "UnprocessedItems" | "UnprocessedKeys"): HttpFault => {
        let rest: unknown;
        return {
          kind: "rewrite",
          request({ body }) {
            const input = JSON.parse(body.toString());
            const all = input[name][tableName];
            const list = left === "UnprocessedKeys" ? all.Keys : all;
            const done = Math.ceil(list.length / 3);
            rest = list.slice(done);
            const kept = list.slice(0, done);
            input[name][tableName] = left === "UnprocessedKeys" ? { ...all, Keys: kept } : kept;
            return { body: Buffer.from(JSON.stringify(input)) };
          },
          reply({ body }) {
            const output = JSON.parse(body.toString());
            const list = rest as unknown[];
            if (list.length > 0) output[left] = { [tableName]: left === "UnprocessedKeys" ? { Keys: list } : list };
            return { body: Buffer.from(JSON.stringify(output)) };
          },
        };
      };
      proxy.always((request) => {
        if (operationOf(request) === "BatchWriteItem") return partial("RequestItems", "UnprocessedItems");
        if (operationOf(request) === "BatchGetItem") return partial("RequestItems", "UnprocessedKeys");
        return undefined;
      });
      await store.setMessages("many", messages(200));
      expect(await store.countMessages("many")).toBe(200);
      expect((await store.getMessages("many")).map(({ content }) => content)).toEqual(
        messages(200).map(({ content }) => content),
      );
      for (let i = 0; i < 10; i++) await store.addMessage(`k${i}`, message("x"));
      expect(await store.getKeys({ prefix: "k" })).toHaveLength(10);

      const nothing: HttpFault = {
        kind: "rewrite",
        request: ({ body }) => ({ body }),
        reply: () => ({ body: Buffer.from(JSON.stringify({ UnprocessedItems: undone })) }),
      };
      const undone = { [tableName]: [{ PutRequest: { Item: { SessionId: { S: "x" }, RowId: { S: "y" } } } }] };
      proxy.always((request) => (operationOf(request) === "BatchWriteItem" ? nothing : undefined));
      const error = await store.setMessages("never", messages(200)).catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "UNAVAILABLE")).toBe(true);
      proxy.always(undefined);
      expect(await store.getMessages("never")).toEqual([]);
    } finally {
      await store.close();
      await dropTable(direct, tableName);
      direct.destroy();
      await proxy.close();
    }
  });
});
