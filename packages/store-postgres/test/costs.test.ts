import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresChatStore } from "../src/index.js";
import { costsOn } from "./support/costs.js";
import { dropSchema, makeTables, sql } from "./support/schemas.js";

const server = runningServer("postgres");

const messages = (count: number) => Array.from({ length: count }, (_, i) => ({ content: `${i} ${"x".repeat(400)}` }));

// `pnpm costs` shows the same with 1,000,000 messages among 10,000,000 others.
describe.runIf(server)("what the server does for an operation", () => {
  const { url } = server ?? { url: "" };
  let schemaName: string;
  let store: PostgresChatStore;

  beforeAll(async () => {
    schemaName = await makeTables(url, "chatkeep");
    store = PostgresChatStore.fromUri(url, { schemaName });
    await store.setMessages("short", messages(100));
    await store.setMessages("long", messages(30_000));
    await store.setMessages("popped", messages(20_000));
    // As pops do, one after the other.
    await sql(url, `UPDATE "${schemaName}".chatstore_messages SET life = 0 WHERE key = 'popped' AND position > 100`);
    await sql(
      url,
      `UPDATE "${schemaName}".chatstore_conversations SET length = 100, last_position = 100 WHERE key = 'popped'`,
    );
    await sql(url, `ANALYZE "${schemaName}".chatstore_messages`);
  }, 120_000);
  afterAll(async () => {
    await store?.close();
    await dropSchema(url, schemaName);
  });

  it.each([
    ["long", "custom"],
    ["long", "generic"],
    ["popped", "custom"],
    ["popped", "generic"],
  ] as const)("is the same for a conversation that is %s, by a %s plan", async (key, plan) => {
    const short = await costsOn(url, schemaName, "short", plan);
    const other = await costsOn(url, schemaName, key, plan);
    for (const [operation, { blocks }] of Object.entries(other)) {
      // A tree that is higher by one level, and some rows that lie elsewhere.
      expect(blocks, `${operation} of ${short[operation]?.blocks} blocks`).toBeLessThanOrEqual(
        (short[operation]?.blocks ?? 0) + 30,
      );
    }
  });

  it("appends touch no index of the heads", async () => {
    await store.addMessage("hot", { content: "first" });
    for (let i = 0; i < 300; i++) await store.addMessage("hot", { content: `${i}` });
    await expect
      .poll(
        async () => {
          const [stats] = await sql(
            url,
            "SELECT n_tup_hot_upd::float8 / greatest(n_tup_upd, 1) AS hot FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'chatstore_conversations'",
            [schemaName],
          );
          return Number(stats?.hot);
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBeGreaterThan(0.95);
  });
});
