import {
  APPEND_ONLY_WEIGHTS,
  assertLinearizable,
  type Call,
  checkHistory,
  record,
  runWorkload,
} from "@chatkeep/chat-store-conformance";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresChatStore, type PostgresTableOptions } from "../src/index.js";
import { countingPool, dropSchema, makeTables, sql } from "./support/schemas.js";

const server = runningServer("postgres");

const message = (content: string) => ({ role: "user" as const, content });
const messages = (count: number, prefix = "m") => Array.from({ length: count }, (_, i) => message(`${prefix}${i}`));
const contents = (list: readonly { content: unknown }[]) => list.map(({ content }) => content);

describe.runIf(server)("the layout chatkeep", () => {
  const sent: string[] = [];
  let schemaName: string;
  let pool: Pool;
  let store: PostgresChatStore;
  let heads: string;
  let rows: string;
  const query = (text: string, values?: unknown[]) => sql(server!.url, text, values);
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => expect.fail("it did not fail"),
      (error: unknown) => (isChatStoreError(error) ? error : expect.fail(String(error))),
    );
  const open = (options: PostgresTableOptions & { pool?: Pool } = {}) =>
    new PostgresChatStore({ pool, schemaName, ...options });

  beforeAll(async () => {
    schemaName = await makeTables(server!.url, "chatkeep");
    pool = countingPool(server!.url, (text) => sent.push(text));
    store = open();
    heads = `"${schemaName}".chatstore_conversations`;
    rows = `"${schemaName}".chatstore_messages`;
  });
  afterAll(async () => {
    await pool?.end();
    await dropSchema(server!.url, schemaName);
  });

  it("appends 1,000 messages and sets 10,000 in one round trip each, and sets nothing on the session", async () => {
    await store.addMessage("bulk", message("first"));
    sent.splice(0);
    await store.addMessages("bulk", messages(1_000));
    await store.setMessages("bulk", messages(10_000));
    expect(sent).toHaveLength(2);
    expect(await store.countMessages("bulk")).toBe(10_000);
    expect(sent.join()).not.toMatch(/^\s*(?:SET|LISTEN|PREPARE)\b|pg_advisory|TEMP/im);
  });

  it("inserts again and again at one place without touching the other messages", async () => {
    const key = "inserts";
    const expected = contents(messages(50));
    await store.setMessages(key, messages(50));
    const [before] = await query(
      `SELECT string_agg(ctid::text, ',' ORDER BY position) AS rows FROM ${rows} WHERE key = $1`,
      [key],
    );
    for (let i = 0; i < 40; i++) {
      await store.addMessage(key, message(`i${i}`), { index: 1 + i });
      expected.splice(1 + i, 0, `i${i}`);
    }
    for (let i = 0; i < 40; i++) {
      await store.addMessage(key, message(`j${i}`), { index: 30 });
      expected.splice(30, 0, `j${i}`);
    }
    for (let i = 0; i < 5; i++) {
      await store.addMessage(key, message(`k${i}`), { index: 0 });
      expected.unshift(`k${i}`);
    }
    expect(contents(await store.getMessages(key))).toEqual(expected);
    const whole = "position > 0 AND position = floor(position)";
    const [after] = await query(
      `SELECT string_agg(ctid::text, ',' ORDER BY position) AS rows FROM ${rows} WHERE key = $1 AND ${whole}`,
      [key],
    );
    expect(after).toEqual(before);
  });

  it("makes positions anew where there is no room left, and tells cursors that were there", async () => {
    const key = "crowded";
    await store.setMessages(key, messages(4));
    const expected = contents(messages(4));
    // As after a thousand inserts at one place.
    await query(`UPDATE ${rows} SET position = 1 + power(0.1::numeric, 300) WHERE key = $1 AND position = 2`, [key]);
    const { before: whole } = await store.getPage(key, { limit: 2 });
    const { before: within } = await store.getPage(key, { limit: 3 });
    for (let i = 0; i < 3; i++) {
      await store.addMessage(key, message(`i${i}`), { index: 1 });
      expected.splice(1, 0, `i${i}`);
    }
    expect(contents(await store.getMessages(key))).toEqual(expected);
    const [longest] = await query(`SELECT max(scale(position)) AS digits FROM ${rows} WHERE key = $1`, [key]);
    expect(Number(longest?.digits)).toBeLessThan(10);
    expect(contents((await store.getPage(key, { limit: 9, before: whole })).messages)).toEqual(expected.slice(0, 5));
    expect((await failure(store.getPage(key, { limit: 9, before: within }))).code).toBe("CONFLICT");
    // At the ends too, where the head names the positions.
    await query(`UPDATE ${heads} SET first_position = 0.5 WHERE key = $1`, [key]);
    await query(`UPDATE ${rows} SET position = 0.5 WHERE key = $1 AND position = 1`, [key]);
    await query(
      `UPDATE ${rows} SET position = 0.5 + power(0.1::numeric, 300) WHERE key = $1 AND position = (SELECT min(position) FROM ${rows} WHERE key = $1 AND position > 0.5)`,
      [key],
    );
    await store.addMessage(key, message("x"), { index: 1 });
    expected.splice(1, 0, "x");
    expect(contents(await store.getMessages(key))).toEqual(expected);
    expect(contents((await store.getPage(key, { limit: 99, from: "oldest" })).messages)).toEqual(expected);
  });

  it("uses positions again after many messages at the end were removed, and a cursor that was there is a conflict", async () => {
    const key = "cut";
    await store.setMessages(key, messages(1_200));
    const { before: low } = await store.getPage(key, { limit: 1_150 });
    const { before: high } = await store.getPage(key, { limit: 100 });
    // As after 1,100 pops.
    await query(`DELETE FROM ${rows} WHERE key = $1 AND position > 100`, [key]);
    await query(`UPDATE ${heads} SET length = 100, last_position = 100 WHERE key = $1`, [key]);
    await store.addMessages(key, messages(1_100, "new"));
    const [last] = await query(`SELECT max(position) AS position FROM ${rows} WHERE key = $1`, [key]);
    expect(Number(last?.position)).toBe(1_200);
    expect(contents((await store.getPage(key, { limit: 2, before: low })).messages)).toEqual(["m48", "m49"]);
    expect((await failure(store.getPage(key, { limit: 2, before: high }))).code).toBe("CONFLICT");
    const { before: fresh } = await store.getPage(key, { limit: 2 });
    expect(contents((await store.getPage(key, { limit: 1, before: fresh })).messages)).toEqual(["new1097"]);
  });

  it("a cursor does not take messages that came after its place for older ones", async () => {
    const key = "popped place";
    await store.setMessages(key, messages(10));
    const { before } = await store.getPage(key, { limit: 4 });
    for (let i = 0; i < 7; i++) await store.deleteLastMessage(key);
    await store.addMessages(key, messages(10, "new"));
    expect(contents((await store.getPage(key, { limit: 20, before })).messages)).toEqual(["m0", "m1", "m2"]);
  });

  it("says that rows are missing instead of showing a shorter history", async () => {
    const key = "damaged";
    await store.setMessages(key, messages(3));
    await query(`DELETE FROM ${rows} WHERE key = $1 AND position = 2`, [key]);
    expect((await failure(store.getMessages(key))).code).toBe("CORRUPT_MESSAGE");
    await query(`DELETE FROM ${rows} WHERE key = $1`, [key]);
    for (const call of [
      () => store.getMessages(key),
      () => store.deleteLastMessage(key),
      () => store.deleteMessage(key, 1),
      () => store.replaceMessage(key, 1, message("x")),
      () => store.addMessage(key, message("x"), { index: 1 }),
      () => store.trimMessages(key, 1),
    ]) {
      expect((await failure(call())).code).toBe("CORRUPT_MESSAGE");
    }
    await store.setMessages(key, messages(1));
    expect(contents(await store.getMessages(key))).toEqual(["m0"]);
  });

  it("keeps keys with NUL, backslashes and quotes apart, and nothing of them gets into a statement", async () => {
    const keys = ["a\0b", "a\\0b", "a\\\\0b", "'; DROP TABLE x; --", '"', "$1", "%", "_"];
    for (const key of keys) await store.addMessage(key, message(key));
    sent.splice(0);
    for (const key of keys) expect(contents(await store.getMessages(key))).toEqual([key]);
    expect(sent.join()).not.toContain("DROP");
    expect(await store.getKeys({ prefix: "a\0" })).toEqual(["a\0b"]);
    expect(await store.getKeys({ prefix: "a\\" })).toEqual(["a\\0b", "a\\\\0b"]);
    await store.addMessage("😀 smile", message("x"));
    expect(await store.getKeys({ prefix: "\ud83d" })).toEqual(["😀 smile"]);
    expect(await store.getKeys({ prefix: "\ude00" })).toEqual([]);
  });

  it("expires by the clock of the database, and a reader that may not write goes by it alone", async () => {
    const short = open({ ttlSeconds: 1 });
    await short.addMessages("brief", messages(3));
    expect(await store.countMessages("brief")).toBe(3);
    await expect.poll(() => store.getMessages("brief"), { timeout: 10_000 }).toEqual([]);
    const [sealed] = await query(`SELECT length, expires_at FROM ${heads} WHERE key = 'brief'`);
    expect(sealed).toMatchObject({ length: "0", expires_at: null });

    await short.addMessages("read only", messages(3));
    const readOnly = new Pool({ connectionString: server!.url, options: "-c default_transaction_read_only=on" });
    const reader = open({ pool: readOnly, autoSetup: false });
    expect(await reader.countMessages("read only")).toBe(3);
    await expect.poll(() => reader.getPage("read only", { limit: 2 }), { timeout: 10_000 }).toEqual({ messages: [] });
    expect(await reader.countMessages("read only")).toBe(0);
    expect((await failure(reader.addMessage("read only", message("x")))).message).toContain("only reads");
    await readOnly.end();
  });

  it("purges what has expired, and after a day what was left behind", async () => {
    await store.purgeExpired();
    const ended = open({ ttlSeconds: 1 });
    for (let i = 0; i < 700; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, j) => ended.addMessages(`purge ${i + j}`, messages(2))));
    }
    await store.addMessage("purge: forgotten", message("x"));
    await store.deleteMessages("purge: forgotten");
    await store.addMessages("purge: live", messages(3));
    await store.deleteLastMessage("purge: live");
    await query(`UPDATE ${heads} SET expires_at = now() WHERE expires_at IS NOT NULL`);
    expect(await store.purgeExpired()).toBe(700);
    const count = async (table: string) =>
      Number((await query(`SELECT count(*) FROM ${table} WHERE key LIKE 'purge%'`))[0]?.count);
    expect(await count(heads)).toBe(702);
    expect(await count(rows)).toBe(3);
    await query(`UPDATE ${heads} SET written_at = now() - interval '2 days'`);
    expect(await store.purgeExpired()).toBe(0);
    expect(await count(heads)).toBe(1);
    expect(await count(rows)).toBe(2);
    expect(contents(await store.getMessages("purge: live"))).toEqual(["m0", "m1"]);
    const controller = new AbortController();
    controller.abort();
    expect((await failure(store.purgeExpired({ signal: controller.signal }))).code).toBe("ABORTED");
  });

  it("forgets removed messages when nobody can ask for them any more", async () => {
    const key = "removed";
    await store.setMessages(key, messages(300));
    for (let i = 0; i < 250; i++) await store.deleteLastMessage(key);
    const [kept] = await query(`SELECT count(*) FROM ${rows} WHERE key = $1 AND life = 0`, [key]);
    expect(Number(kept?.count)).toBeLessThanOrEqual(101);
    expect(await store.countMessages(key)).toBe(50);
  });

  it.each(["read committed", "repeatable read", "serializable"])(
    "is linearizable when the default is %s, with a pool of few connections, and never deadlocks",
    async (isolation) => {
      const deadlocks = async () =>
        Number(
          (await query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))[0]?.deadlocks,
        );
      const before = await deadlocks();
      const options = `-c default_transaction_isolation=${isolation.replace(" ", "\\ ")}`;
      const pools = [2, 2, 1].map((max) => new Pool({ connectionString: server!.url, options, max }));
      const stores = pools.map((each) => open({ pool: each }));
      for (const seed of [1, 2]) {
        const calls: Call[] = [];
        const clients = stores.map((each, i) => record(each, { client: `${i}`, calls }).store);
        const keys = [`${isolation} ${seed} a`, `${isolation} ${seed} b`];
        await runWorkload(clients, { seed, keys, operations: 150, concurrency: 6 });
        assertLinearizable(checkHistory(calls));
      }
      const calls: Call[] = [];
      const clients = stores.map((each, i) => record(each, { client: `${i}`, calls }).store);
      const weights = APPEND_ONLY_WEIGHTS;
      await runWorkload(clients, { seed: 3, keys: [`${isolation} hot`], operations: 200, concurrency: 12, weights });
      expect(calls.every(({ outcome }) => outcome !== "unknown")).toBe(true);
      const popped = await Promise.all(
        Array.from({ length: 20 }, (_, i) => stores[i % 3]?.deleteLastMessage(`${isolation} hot`)),
      );
      expect(new Set(popped.map((each) => each?.content)).size).toBe(20);
      for (const each of pools) await each.end();
      expect(await deadlocks()).toBe(before);
    },
  );
});
