import { type TablestoreServer, tablestoreServer } from "@chatkeep/tablestore-server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { TablestoreChatStore, type TablestoreLayout } from "../src/index.js";
import { makeTables, newClient, type Place } from "./support/tables.js";

/** What a request took, as the service tells in its answer. */
interface Cost {
  operation: string;
  read: number;
  write: number;
}

interface Units {
  capacityUnit?: { read?: number; write?: number } | undefined;
}

interface Answer {
  consumed?: Units | undefined;
  /** Of each row of a batch. */
  tables?: Units[] | undefined;
}

/** Notes what every request of a client takes. */
function metered<Client extends object>(client: Client, costs: Cost[]): Client {
  return new Proxy(client, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (name !== "makeRequest" || typeof member !== "function") return member;
      return (operation: string, params: unknown, callback: (error: unknown, data: Answer) => void) =>
        Reflect.apply(member, target, [
          operation,
          params,
          function (this: unknown, error: unknown, data: Answer) {
            const all = [data?.consumed, ...(data?.tables ?? [])].map((each) => each?.capacityUnit);
            const sum = (which: "read" | "write") => all.reduce((total, each) => total + (each?.[which] ?? 0), 0);
            costs.push({ operation, read: sum("read"), write: sum("write") });
            callback.call(this as never, error, data);
          },
        ]);
    },
  });
}

const text = (bytes: number) => ({ role: "user" as const, content: "x".repeat(bytes) });
const texts = (count: number, bytes: number) => Array.from({ length: count }, () => text(bytes));
const names = (costs: readonly Cost[]) => costs.map(({ operation }) => operation);
const total = (costs: readonly Cost[]) => ({
  read: costs.reduce((sum, { read }) => sum + read, 0),
  write: costs.reduce((sum, { write }) => sum + write, 0),
});

describe("what operations cost", () => {
  let server: TablestoreServer;
  let place: Place;
  const costs: Cost[] = [];
  const stores: TablestoreChatStore[] = [];

  beforeAll(async () => {
    server = await tablestoreServer({ tableReadyMs: 0 });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = server;
    place = { endpoint, instanceName, accessKeyId, accessKeySecret };
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await server.close();
  });

  async function open(layout: TablestoreLayout): Promise<TablestoreChatStore> {
    const tableName = await makeTables(place, layout);
    const store = new TablestoreChatStore({ client: metered(await newClient(place), costs), tableName, layout });
    stores.push(store);
    return store;
  }
  /** The requests since the last time, once those that follow an answer are there too. */
  async function spent(...expected: string[]): Promise<{ read: number; write: number }> {
    await vi.waitFor(() => expect(names(costs)).toEqual(expected), { timeout: 5_000 });
    return total(costs.splice(0));
  }
  async function settled(): Promise<void> {
    for (let count = -1; count !== costs.length; ) {
      count = costs.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    costs.splice(0);
  }

  it.each([300, 900])(
    "an append of %i characters takes the same at any length, in the layout chatkeep",
    async (bytes) => {
      const store = await open("chatkeep");
      for (const length of [1, 200, 2_000]) {
        const key = `append to ${length}`;
        await store.setMessages(key, texts(length, 100));
        // Until the list of remembered operations has its full length.
        for (let i = 0; i < 40; i++) await store.addMessage(key, text(bytes));
        await settled();
        // The first one after a burst takes that out of the head.
        await store.addMessage(key, text(bytes));
        await settled();
        for (let i = 0; i < 5; i++) {
          await store.addMessage(key, text(bytes));
          expect(await spent("putRow", "batchWriteRow")).toEqual({ read: 1, write: 2 });
        }
      }
    },
  );

  it("reads take what they hold, in the layout chatkeep", async () => {
    const store = await open("chatkeep");
    await store.setMessages("k", texts(1_000, 500));
    await settled();
    await store.countMessages("k");
    expect(await spent("getRow")).toEqual({ read: 1, write: 0 });
    await store.getPage("k", { limit: 20 });
    // 20 messages of 600 bytes, and the head.
    expect(await spent("getRow", "getRange")).toEqual({ read: 5, write: 0 });
    await store.getMessages("k");
    const all = await spent("getRow", "getRange");
    expect(all.read).toBeLessThan(200);
  });

  it("a listing reads heads without their texts, never messages, in the layout chatkeep", async () => {
    const store = await open("chatkeep");
    for (let i = 0; i < 20; i++) await store.setMessages(`list/${i}`, texts(20, 5_000));
    await settled();
    expect(await store.getKeys({ prefix: "list/" })).toHaveLength(20);
    const { read } = await spent("getRange");
    expect(read).toBeLessThanOrEqual(2);
  });

  it("a large message is staged, and takes a unit for 4 KB, in the layout chatkeep", async () => {
    const store = await open("chatkeep");
    await store.addMessage("large", text(3 * 1024 * 1024));
    const { write } = await spent("getRow", "putRow", "batchWriteRow", "putRow");
    expect(write).toBeLessThanOrEqual(770 + 2);
    expect((await store.getMessages("large"))[0]?.content).toHaveLength(3 * 1024 * 1024);
  });

  it("everything takes the size of the conversation in the layout llamaindex", async () => {
    const store = await open("llamaindex");
    await store.setMessages("k", texts(100, 1_000));
    await settled();
    await store.addMessage("k", text(1_000));
    const { read, write } = await spent("getRow", "updateRow");
    expect(read).toBeGreaterThan(25);
    expect(write).toBeGreaterThan(25);
  });
});
