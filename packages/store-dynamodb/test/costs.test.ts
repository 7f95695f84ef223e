import type { DynamoDBClient, ReturnConsumedCapacity } from "@aws-sdk/client-dynamodb";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoDBChatStore } from "../src/index.js";
import { dropTable, makeTable, newClient } from "./support/tables.js";

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

/** What follows an answer behind the caller's back is done when nothing was sent for a while. */
async function settled(costs: Cost[]): Promise<Cost[]> {
  for (let count = -1; count !== costs.length; ) {
    count = costs.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return costs.splice(0);
}

const sum = (costs: Cost[]) => costs.reduce((total, { units }) => total + units, 0);
const names = (costs: Cost[]) => costs.map(({ operation }) => operation);
const text = (bytes: number) => ({ role: "user" as const, content: "x".repeat(bytes) });

describe.runIf(server)("what operations cost in the layout chatkeep", () => {
  let client: DynamoDBClient;
  let costs: Cost[];
  let store: DynamoDBChatStore;
  let tableName: string;

  beforeAll(async () => {
    client = newClient(server!.url);
    tableName = await makeTable(client, "chatkeep");
    costs = meter(client);
    store = new DynamoDBChatStore({ client, tableName, layout: "chatkeep" });
  });
  afterAll(async () => {
    await store.close();
    await dropTable(client, tableName);
    client.destroy();
  });

  it.each([
    [300, 2],
    [500, 3],
  ])(
    "an append of %i characters costs %i write units at any length, and one request on the caller's path",
    async (bytes, most) => {
      for (const length of [1, 200, 5_000]) {
        const key = `append ${bytes} to ${length}`;
        await store.setMessages(
          key,
          Array.from({ length }, () => text(100)),
        );
        // Until the list of remembered operations has its full length.
        for (let i = 0; i < 40; i++) await store.addMessage(key, text(bytes));
        await settled(costs);
        // The first one after a burst takes that out of the head, and a write costs what was there before it.
        await store.addMessage(key, text(bytes));
        await settled(costs);
        for (let i = 0; i < 10; i++) {
          await store.addMessage(key, text(bytes));
          const spent = await settled(costs);
          expect(names(spent)).toEqual(["PutItem", "BatchWriteItem"]);
          expect(sum(spent), `${length} messages, append ${i}`).toBeLessThanOrEqual(most);
        }
      }
    },
  );

  it("reads are strongly consistent, and a page costs what it holds", async () => {
    const key = "reads";
    await store.setMessages(
      key,
      Array.from({ length: 2_000 }, () => text(500)),
    );
    await settled(costs);
    await store.countMessages(key);
    expect(names(await settled(costs))).toEqual(["GetItem"]);
    await store.getPage(key, { limit: 20 });
    const page = await settled(costs);
    expect(names(page)).toEqual(["Query"]);
    expect(sum(page)).toBeLessThanOrEqual(6);
    expect(page.every(({ strong }) => strong)).toBe(true);
    await store.getMessages(key);
    const all = await settled(costs);
    expect(all.length).toBeLessThanOrEqual(4);
    expect(all.every(({ strong }) => strong)).toBe(true);
  });

  it("listing reads the index and the heads, never the messages", async () => {
    for (let i = 0; i < 20; i++)
      await store.setMessages(
        `list/${i}`,
        Array.from({ length: 50 }, () => text(5_000)),
      );
    await settled(costs);
    expect(await store.getKeys({ prefix: "list/" })).toHaveLength(20);
    const listing = await settled(costs);
    expect(new Set(names(listing))).toEqual(new Set(["Query", "BatchGetItem"]));
    expect(sum(listing)).toBeLessThanOrEqual(40);
  });

  it("a message of 1 MB is a few rows well below 400 KB", async () => {
    await store.addMessage("large", text(1024 * 1024));
    const spent = await settled(costs);
    expect(names(spent)).toEqual(["GetItem", "PutItem", "BatchWriteItem", "PutItem"]);
    expect(sum(spent)).toBeLessThanOrEqual(1_040);
    expect((await store.getMessages("large"))[0]?.content).toHaveLength(1024 * 1024);
  });
});
