import { isChatStoreError } from "@chatkeep/chat-store-core";
import { exactlyOnce, tcpFaults } from "@chatkeep/store-tests";
import { type TcpFault, type TcpRequest, tcpProxy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { PostgresChatStore } from "../src/index.js";
import { dropSchema, isWrite, makeTables } from "./support/schemas.js";

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
