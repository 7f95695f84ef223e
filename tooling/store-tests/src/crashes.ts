import type { ChatStore } from "@chatkeep/chat-store-core";
import { type Client, type KillPlan, killBetweenRequests } from "@chatkeep/test-servers";
import { expect, it, vi } from "vitest";
import { before, type CrashOrder, crashOrders } from "./crash-orders.js";
import { contents, message } from "./mutations.js";

export interface CrashBench<Request> {
  readonly proxy: KillPlan<Request>["proxy"];
  /** A store that reaches the server past the proxy. */
  readonly store: ChatStore;
  /** Spawns a script that calls `crashClient` with a store by way of the proxy; `key` is its last argument. */
  client(key: string): Promise<Client>;
  /** Which requests of the client count; all if not given. */
  readonly counts?: (request: Request) => boolean;
  /** Called after the store is closed. */
  close(): Promise<void>;
}

/**
 * Defines tests: a client is killed before each request of an operation and before each reply. To be called within a
 * `describe`, once for each layout.
 */
export function killedClients<Request>(start: () => Promise<CrashBench<Request>>): void {
  it.each(Object.keys(crashOrders) as CrashOrder[])(
    "%s is done wholly or not at all, and the conversation goes on",
    async (order) => {
      const { proxy, store, counts, ...bench } = await start();
      const outcomes = new Set<string>();
      let key = "";
      let keys = 0;
      try {
        await killBetweenRequests<Request>({
          proxy,
          order,
          ...(counts === undefined ? {} : { counts }),
          start: async () => {
            key = `key ${++keys}`;
            await store.addMessages(key, before);
            const client = await bench.client(key);
            expect(await client.receive()).toBe("ready");
            return client;
          },
          check: async () => {
            const read = contents(await store.getMessages(key));
            outcomes.add(JSON.stringify(read));
            await store.addMessage(key, message("more"));
            expect(contents(await store.getMessages(key))).toEqual([...read, "more"]);
          },
        });
        const either = [contents(before), crashOrders[order].after].map((each) => JSON.stringify(each));
        expect([...outcomes].sort()).toEqual(either.sort());
      } finally {
        await store.close();
        await bench.close();
      }
    },
    // A process is started for each request and each reply.
    300_000,
  );
}

export interface DurableBench {
  /** Keeps what it acknowledged when it is killed. */
  readonly server: { kill(): Promise<void>; restart(): Promise<void> };
  /** Each on data of its own, and patient enough for a restart. */
  readonly stores: readonly ChatStore[];
  /** Called after the stores are closed. */
  close(): Promise<void>;
}

/** Defines a test: a server is killed while stores write. To be called within a `describe`. */
export function killedServer(start: () => Promise<DurableBench>): void {
  it("has every write that was acknowledged when it is back", async () => {
    const { server, stores, ...bench } = await start();
    const acknowledged = stores.map((): string[] => []);
    const more = (count: number) => {
      const goals = acknowledged.map(({ length }) => length + count);
      const reached = () => acknowledged.forEach(({ length }, i) => void expect(length).toBeGreaterThan(goals[i] ?? 0));
      return vi.waitFor(reached, { timeout: 60_000 });
    };
    let writing = true;
    try {
      const writers = Promise.all(
        stores.map(async (store, which) => {
          for (let i = 0; writing; i++) {
            await store.addMessage("k", message(`m${i}`));
            acknowledged[which]?.push(`m${i}`);
          }
        }),
      );
      // Rejections of a writer are told at the end, or instead of a wait that would be in vain.
      await Promise.race([more(10), writers]);
      await server.kill();
      await server.restart();
      // What was under way is sent again and answered.
      await Promise.race([more(3), writers]);
      writing = false;
      await writers;
      for (const [which, store] of stores.entries()) {
        expect(contents(await store.getMessages("k"))).toEqual(acknowledged[which]);
      }
    } finally {
      writing = false;
      for (const store of stores) await store.close();
      await bench.close();
    }
  }, 180_000);
}
