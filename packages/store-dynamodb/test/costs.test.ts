import { randomUUID } from "node:crypto";
import type { DynamoDBClient, ReturnConsumedCapacity } from "@aws-sdk/client-dynamodb";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoDBChatStore } from "../src/index.js";
import { dropTable, makeTable, newClient, whenSettled } from "./support/tables.js";

const server = runningServer("dynamodb");

interface Cost {
  operation: string;
  units: number;
  strong: boolean | undefined;
}

/** Makes every request ask what it costs, and notes it. */
function meter(client: DynamoDBClient): Cost[] {
  const costs: Cost[] = [];
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const input = args.input as { ReturnConsumedCapacity?: ReturnConsumedCapacity; ConsistentRead?: boolean };
      const operation = String(context.commandName).replace("Command", "");
      if (/Item|Query|Scan/.test(operation)) input.ReturnConsumedCapacity = "TOTAL";
      const result = await next(args);
      const { ConsumedCapacity: consumed } = result.output as { ConsumedCapacity?: unknown };
      const all = (Array.isArray(consumed) ? consumed : [consumed]) as ({ CapacityUnits?: number } | undefined)[];
      const units = all.reduce((sum, each) => sum + (each?.CapacityUnits ?? 0), 0);
      costs.push({ operation, units, strong: input.ConsistentRead });
      return result;
    },
    { step: "initialize", name: "testMetersCapacity" },
  );
  return costs;
}

const sum = (costs: Cost[]) => costs.reduce((total, { units }) => total + units, 0);
const names = (costs: Cost[]) => costs.map(({ operation }) => operation);
const text = (bytes: number) => ({ role: "user" as const, content: "x".repeat(bytes) });

describe.runIf(server)("what operations cost in the layout chatkeep", () => {
  let client: DynamoDBClient;
  /** What was spent since the last look, and by what follows an answer behind the caller's back. */
  let spent: () => Promise<Cost[]>;
  let store: DynamoDBChatStore;
  let tableName: string;

  beforeAll(async () => {
    client = newClient(server!.url);
    tableName = await makeTable(client, "chatkeep");
    const costs = meter(client);
    const settled = whenSettled(client);
    spent = async () => {
      await settled();
      return costs.splice(0);
    };
    store = new DynamoDBChatStore({ client, tableName, layout: "chatkeep" });
  });
  afterAll(async () => {
    await store.close();
    await dropTable(client, tableName);
    client.destroy();
  });

  it.each([
    [500, {}],
    [500, { ttlSeconds: 86_400 }],
  ])(
    "an append of %i characters costs 2 write units at any length, and one request on the caller's path (%o)",
    async (characters, options) => {
      const own = new DynamoDBChatStore({ client, tableName, layout: "chatkeep", ...options });
      for (const length of [1, 200, 5_000]) {
        const key = randomUUID();
        await own.setMessages(
          key,
          Array.from({ length }, () => text(100)),
        );
        // Until the list of remembered operations has its full length.
        for (let i = 0; i < 40; i++) {
          await own.addMessage(key, text(characters));
          await spent();
        }
        for (let i = 0; i < 10; i++) {
          await own.addMessage(key, text(characters));
          const costs = await spent();
          expect(names(costs)).toEqual(["PutItem", "BatchWriteItem"]);
          expect(sum(costs), `${length} messages, append ${i}`).toBe(2);
        }
      }
      await own.close();
    },
  );

  it("reads are strongly consistent, and a page costs what it holds", async () => {
    const key = "reads";
    await store.setMessages(
      key,
      Array.from({ length: 2_000 }, () => text(500)),
    );
    await spent();
    await store.countMessages(key);
    expect(names(await spent())).toEqual(["GetItem"]);
    await store.getPage(key, { limit: 20 });
    const page = await spent();
    expect(names(page)).toEqual(["Query"]);
    expect(sum(page)).toBeLessThanOrEqual(6);
    expect(page.every(({ strong }) => strong)).toBe(true);
    await store.getMessages(key);
    const all = await spent();
    expect(all.length).toBeLessThanOrEqual(4);
    expect(all.every(({ strong }) => strong)).toBe(true);
  });

  it("listing reads the index and the heads, never the messages", async () => {
    for (let i = 0; i < 20; i++)
      await store.setMessages(
        `list/${i}`,
        Array.from({ length: 50 }, () => text(5_000)),
      );
    await spent();
    expect(await store.getKeys({ prefix: "list/" })).toHaveLength(20);
    const listing = await spent();
    expect(new Set(names(listing))).toEqual(new Set(["Query", "BatchGetItem"]));
    expect(sum(listing)).toBeLessThanOrEqual(40);
  });

  it("a message of 1 MB is a few rows well below 400 KB", async () => {
    await store.addMessage("large", text(1024 * 1024));
    const costs = await spent();
    expect(names(costs)).toEqual(["GetItem", "PutItem", "BatchWriteItem", "PutItem"]);
    expect(sum(costs)).toBeLessThanOrEqual(1_040);
    expect((await store.getMessages("large"))[0]?.content).toHaveLength(1024 * 1024);
  });
});
