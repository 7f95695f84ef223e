import { isChatStoreError } from "@chatkeep/chat-store-core";
import { exactlyOnce, tcpFaults } from "@chatkeep/store-tests";
import { type TcpFault, type TcpRequest, tcpProxy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { PostgresChatStore } from "../src/index.js";
import { dropSchema, isWrite, makeTables, sql } from "./support/schemas.js";

const server = runningServer("postgres");

describe.runIf(server)("exactly once, layout chatkeep", () => {
  exactlyOnce<TcpRequest, TcpFault>({
    faults: tcpFaults,
    isWrite,
    async start() {
      const { url } = server!;
      const schemaName = await makeTables(url, "chatkeep");
      const proxy = await tcpProxy(server!);
      const proxied = through(url, proxy);
      const pools: Pool[] = [];
      return {
        proxy,
        reader: PostgresChatStore.fromUri(url, { schemaName }),
        owned: (options) => PostgresChatStore.fromUri(proxied, { schemaName, ...options }),
        injected(options) {
          const pool = new Pool({ connectionString: proxied });
          pool.on("error", () => {});
          pool.on("connect", (client) => client.on("error", () => {}));
          pools.push(pool);
          return new PostgresChatStore({ pool, schemaName, ...options });
        },
        async close() {
          for (const pool of pools) await pool.end();
          await proxy.close();
          await dropSchema(url, schemaName);
        },
      };
    },
  });
});

describe.runIf(server)("a write that others overtake before it is repeated", () => {
  const content = (text: string) => ({ content: text });
  const mutations: Record<string, (store: PostgresChatStore, operationId?: string) => Promise<unknown>> = {
    append: (store, operationId) => store.addMessage("k", content("once"), { operationId }),
    insert: (store, operationId) => store.addMessage("k", content("once"), { index: 1, operationId }),
    replace: (store, operationId) => store.setMessages("k", [content("once")], { operationId }),
    edit: (store, operationId) => store.replaceMessage("k", 1, content("once"), { operationId }),
    remove: (store, operationId) => store.deleteMessage("k", 1, { operationId }),
    pop: (store, operationId) => store.deleteLastMessage("k", { operationId }),
    trim: (store, operationId) => store.trimMessages("k", 2, { operationId }),
    forget: (store, operationId) => store.deleteMessages("k", { operationId }),
    "remove nothing": (store, operationId) => store.deleteMessage("k", 10_000, { operationId }),
    "insert beyond the end": (store, operationId) =>
      store.addMessage("k", content("once"), { index: 10_000, operationId }),
  };

  /** A mutation whose first try ends by `fault`, before others write so many times. Answers what becomes of it. */
  async function overtaken(
    mutate: (store: PostgresChatStore) => Promise<unknown>,
    { fault, before, between }: { fault: "reset-before" | "reset-after"; before: number; between: number },
  ) {
    const { url } = server!;
    const schemaName = await makeTables(url, "chatkeep");
    const proxy = await tcpProxy(server!);
    const store = PostgresChatStore.fromUri(through(url, proxy), { schemaName });
    const others = PostgresChatStore.fromUri(url, { schemaName });
    try {
      for (let i = 0; i < before; i++) await others.addMessage("k", content(`before ${i}`));
      // As if the others had written long before, or within the time of one retry.
      const aMinuteAgo = "to_hex((extract(epoch FROM now()) * 1000)::bigint - 60000)";
      const head = `"${schemaName}".chatstore_conversations`;
      await sql(url, `UPDATE ${head} SET operations = regexp_replace(operations, '.{11}(?=#|$)', ${aMinuteAgo}, 'g')`);
      proxy.next(1, { kind: fault }, isWrite);
      let state: unknown;
      const release = proxy.intercept({
        async request() {
          // The first request after the fault: the repeated one has yet to come.
          if (proxy.counts.faults[fault] === 1 && state === undefined) {
            state = null;
            for (let i = 0; i < between; i++) await others.addMessage("k", content(`between ${i}`));
            state = await others.getMessages("k");
          }
          return undefined;
        },
      });
      const answer: unknown = await mutate(store).catch((reason: unknown) => reason);
      release();
      return { answer, before: state, after: await others.getMessages("k") };
    } finally {
      await store.close();
      await others.close();
      await proxy.close();
      await dropSchema(url, schemaName);
    }
  }

  for (const [name, mutate] of Object.entries(mutations)) {
    it(`${name} is not done twice when it may have been forgotten`, async () => {
      const { answer, before, after } = await overtaken(mutate, { fault: "reset-after", before: 40, between: 40 });
      const error = isChatStoreError(answer) ? answer : expect.fail(String(answer));
      expect([error.code, error.outcome]).toEqual(["UNAVAILABLE", "unknown"]);
      expect(before).toHaveLength(after.length);
      expect(after).toEqual(before);
    });
  }

  it("it is done when it was never done, and that can be known", async () => {
    const fault = { fault: "reset-before", before: 40, between: 20 } as const;
    const { answer, after } = await overtaken(mutations.append!, fault);
    expect(answer).toBeUndefined();
    expect(after.filter((message) => message.content === "once")).toHaveLength(1);
    expect(after).toHaveLength(61);
  });
});

describe.runIf(server)("a lost reply in the layout llamaindex, which remembers no operations", () => {
  it("is told as unknown, and what was sent is never sent again", async () => {
    const { url } = server!;
    const schemaName = await makeTables(url, "llamaindex");
    const proxy = await tcpProxy(server!);
    const store = PostgresChatStore.fromUri(through(url, proxy), { schemaName, layout: "llamaindex" });
    const reader = PostgresChatStore.fromUri(url, { schemaName, layout: "llamaindex" });
    try {
      await store.addMessage("k", { content: "first" });
      proxy.next(1, { kind: "reset-after" }, isWrite);
      const lost = await store.addMessage("k", { content: "second" }).catch((reason: unknown) => reason);
      expect(isChatStoreError(lost, "UNAVAILABLE") && lost.outcome).toBe("unknown");
      expect(await reader.countMessages("k")).toBe(2);
      // Reads are repeated.
      proxy.next(1, { kind: "reset-after" });
      expect(await store.countMessages("k")).toBe(2);
    } finally {
      await store.close();
      await reader.close();
      await proxy.close();
      await dropSchema(url, schemaName);
    }
  });
});
