import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type ChatStore, isChatStoreError } from "@chatkeep/chat-store-core";
import {
  type HttpFault,
  type HttpProxy,
  type HttpRequest,
  httpProxy,
  provisionedThroughputExceeded,
  transactionConflict,
} from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DynamoDBChatStore, type DynamoDBLayout } from "../src/index.js";
import { credentials, dropTable, makeTable, newClient, region } from "./support/tables.js";

const server = runningServer("dynamodb");

const operationOf = ({ headers }: HttpRequest) => headers["x-amz-target"]?.split(".").at(-1) ?? "";
const isWrite = (request: HttpRequest) => /^(?:Put|Update|Delete)Item$/.test(operationOf(request));
const message = (content: string) => ({ role: "user" as const, content });
const messages = (count: number, prefix = "m") => Array.from({ length: count }, (_, i) => message(`${prefix}${i}`));

/** Each on a conversation of m0 to m4: what it answers, and what is there afterwards. */
const mutations: [string, (store: ChatStore, key: string) => Promise<unknown>, unknown, string[]][] = [
  ["addMessage", (s, k) => s.addMessage(k, message("new")), undefined, ["m0", "m1", "m2", "m3", "m4", "new"]],
  // The same text as what is there: whether it is in can't be told by looking.
  ["addMessage of the same", (s, k) => s.addMessage(k, message("m4")), undefined, ["m0", "m1", "m2", "m3", "m4", "m4"]],
  [
    "addMessage with index",
    (s, k) => s.addMessage(k, message("new"), { index: 1 }),
    undefined,
    ["m0", "new", "m1", "m2", "m3", "m4"],
  ],
  ["addMessages", (s, k) => s.addMessages(k, messages(2, "n")), undefined, ["m0", "m1", "m2", "m3", "m4", "n0", "n1"]],
  ["setMessages", (s, k) => s.setMessages(k, messages(2, "n")), undefined, ["n0", "n1"]],
  ["deleteMessages", (s, k) => s.deleteMessages(k), undefined, []],
  ["deleteMessage", (s, k) => s.deleteMessage(k, 1), message("m1"), ["m0", "m2", "m3", "m4"]],
  ["deleteLastMessage", (s, k) => s.deleteLastMessage(k), message("m4"), ["m0", "m1", "m2", "m3"]],
  ["replaceMessage", (s, k) => s.replaceMessage(k, 2, message("new")), message("m2"), ["m0", "m1", "new", "m3", "m4"]],
  ["trimMessages", (s, k) => s.trimMessages(k, 2), 3, ["m3", "m4"]],
  [
    "the last deleteMessage",
    async (s, k) => [await s.trimMessages(k, 1), await s.deleteMessage(k, 0)][1],
    message("m4"),
    [],
  ],
];

const internalError: HttpFault = {
  kind: "respond",
  forward: true,
  answer: { status: 500, body: JSON.stringify({ __type: "com.amazonaws.dynamodb.v20120810#InternalServerError" }) },
};

const faults: [string, HttpFault][] = [
  ["its reply is lost", { kind: "reset-after" }],
  ["its reply is cut off", { kind: "truncate-reply", bytes: 1 }],
  ["it is lost", { kind: "reset-before" }],
  ["the network sends it twice", { kind: "duplicate" }],
  ["the network sends it again later", { kind: "late-duplicate", ms: 5 }],
  ["it is applied and answered with HTTP 500", internalError],
  ["it is throttled", provisionedThroughputExceeded],
  ["it meets a transaction", transactionConflict],
];

for (const layout of ["chatkeep", "llamaindex"] satisfies DynamoDBLayout[]) {
  describe.runIf(server)(`exactly once, layout ${layout}`, () => {
    let direct: DynamoDBClient;
    let proxy: HttpProxy;
    let tableName: string;
    let reader: DynamoDBChatStore;
    let writer: DynamoDBChatStore;
    const opened: { close(): unknown }[] = [];
    let keys = 0;

    beforeAll(async () => {
      direct = newClient(server!.url);
      tableName = await makeTable(direct, layout);
      proxy = await httpProxy(server!.url);
      reader = new DynamoDBChatStore({ client: direct, tableName, layout });
    });
    afterEach(async () => {
      proxy.always(undefined);
      for (const each of opened.splice(0)) await each.close();
    });
    afterAll(async () => {
      await reader.close();
      await dropTable(direct, tableName);
      direct.destroy();
      await proxy.close();
    });

    const owned = () => new DynamoDBChatStore({ tableName, layout, endpoint: proxy.url, region, credentials });
    const injected = () => {
      // With the SDK's own retries: three tries.
      const client = newClient(proxy.url);
      opened.push({ close: () => client.destroy() });
      return new DynamoDBChatStore({ client, tableName, layout });
    };

    for (const [whose, connect] of [
      ["the store's own client", owned],
      ["an injected client, which retries by itself", injected],
    ] as const) {
      for (const [what, fault] of faults) {
        it(`when a write is sent and ${what}, with ${whose}`, async () => {
          writer = connect();
          opened.unshift(writer);
          for (const [name, mutate, answer, expected] of mutations) {
            const key = `key ${++keys}`;
            await reader.setMessages(key, messages(5));
            const ordered = proxy.next(1, fault, isWrite);
            expect(await mutate(writer, key), name).toEqual(answer);
            await proxy.settled();
            expect(
              (await reader.getMessages(key)).map(({ content }) => content),
              name,
            ).toEqual(expected);
            expect(ordered.hits, name).toBe(1);
          }
        });
      }
    }

    it("when the first message of a conversation is sent and its reply is lost", async () => {
      for (const connect of [owned, injected]) {
        const store = connect();
        opened.unshift(store);
        const key = `key ${++keys}`;
        proxy.next(1, { kind: "reset-after" }, isWrite);
        await store.addMessage(key, message("first"));
        expect(await reader.getMessages(key)).toEqual([message("first")]);
      }
    });

    it("when replies are lost at random and three clients write", async () => {
      const stores = [owned(), owned(), injected()];
      opened.unshift(...stores);
      let number = 0;
      proxy.always((request) => (isWrite(request) && number++ % 4 === 0 ? { kind: "reset-after" } : undefined));
      const key = `key ${++keys}`;
      await Promise.all(Array.from({ length: 30 }, (_, i) => stores[i % 3]!.addMessage(key, message(`m${i}`))));
      proxy.always(undefined);
      const read = (await reader.getMessages(key)).map(({ content }) => content);
      expect([...read].sort()).toEqual(
        messages(30)
          .map(({ content }) => content)
          .sort(),
      );
    });

    it("says that nothing happened when it is throttled again and again, and waits in between", async () => {
      const store = new DynamoDBChatStore({
        tableName,
        layout,
        endpoint: proxy.url,
        region,
        credentials,
        maxRetries: 2,
      });
      opened.unshift(store);
      const key = `key ${++keys}`;
      await reader.addMessage(key, message("first"));
      proxy.always((request) => (isWrite(request) ? provisionedThroughputExceeded : undefined));
      proxy.log.splice(0);
      const error = await store.addMessage(key, message("second")).catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "UNAVAILABLE") && error.outcome).toBe("not-applied");
      expect((error as Error).message).toContain("throttles");
      expect(proxy.log.filter(({ fault }) => fault === "respond")).toHaveLength(3);
      expect(await reader.getMessages(key)).toEqual([message("first")]);
    });

    it("says that it does not know when no reply comes", async () => {
      const store = new DynamoDBChatStore({
        tableName,
        layout,
        endpoint: proxy.url,
        region,
        credentials,
        timeoutMs: 400,
      });
      opened.unshift(store);
      const key = `key ${++keys}`;
      await reader.addMessage(key, message("first"));
      proxy.always((request) => (isWrite(request) ? { kind: "black-hole", forward: true, ms: 2_000 } : undefined));
      const error = await store.addMessage(key, message("second")).catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "UNAVAILABLE") && error.outcome).toBe("unknown");
      expect(await reader.getMessages(key)).toHaveLength(2);
    });
  });
}

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
