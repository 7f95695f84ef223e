import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresChatStore, type PostgresLayout } from "../src/index.js";
import { dropSchema, makeTables } from "./support/schemas.js";

const server = runningServer("postgres");

const message = (content: string) => ({ role: "user" as const, content });

/** A pool of one connection, and the names of what was sent over it, if it was named. */
async function watchedPool(url: string): Promise<{ pool: Pool; client: PoolClient; names: (string | undefined)[] }> {
  const pool = new Pool({ connectionString: url, max: 1 });
  const names: (string | undefined)[] = [];
  const client = await pool.connect();
  const send = client.query.bind(client) as (...args: unknown[]) => unknown;
  Object.assign(client, {
    query(query: { name?: string }, ...more: unknown[]) {
      names.push(query.name);
      return send(query, ...more);
    },
  });
  client.release();
  return { pool, client, names };
}

describe.runIf(server)("prepared statements", () => {
  const { url } = server ?? { url: "" };
  let schemaName: string;

  beforeAll(async () => {
    schemaName = await makeTables(url, "chatkeep");
    await makeTables(url, "llamaindex", schemaName);
  });
  afterAll(() => dropSchema(url, schemaName));

  it.each(["chatkeep", "llamaindex"] as PostgresLayout[])("are one for each operation, layout %s", async (layout) => {
    const { pool, client, names } = await watchedPool(url);
    const store = new PostgresChatStore({ pool, schemaName, layout });
    await store.addMessage("once", message("a"));
    names.splice(0);
    for (let i = 0; i < 3; i++) await store.addMessage(`key ${i}`, message("a"));
    expect(new Set(names).size).toBe(1);
    expect(names[0]).toMatch(/^chatkeep_/);
    await store.getPage("key 1", { limit: 5 });
    const { rows } = await client.query("SELECT name FROM pg_prepared_statements");
    expect(rows.map(({ name }) => name).sort()).toEqual([...new Set(names)].filter(Boolean).sort());
    await pool.end();
  });

  it("are not made with preparedStatements: false", async () => {
    const { pool, names } = await watchedPool(url);
    const store = new PostgresChatStore({ pool, schemaName, preparedStatements: false });
    await store.addMessage("false", message("a"));
    await store.deleteLastMessage("false");
    expect(names.length).toBeGreaterThan(2);
    expect(names.filter((name) => name !== undefined)).toEqual([]);
    await pool.end();
  });

  // What a pooler brings about that gives each transaction another connection, and keeps no account of names.
  const mishaps: Record<string, (client: PoolClient, name: string) => Promise<unknown>> = {
    "one that another connection has": (client) => client.query("DEALLOCATE ALL"),
    "one that is there already": async (client, name) => {
      await client.query("DEALLOCATE ALL");
      await client.query(`PREPARE "${name}" AS SELECT 'of another client'`);
      // As on a connection that this client has not used yet.
      Object.assign((client as unknown as { connection: object }).connection, { parsedStatements: {} });
    },
  };

  it.each(Object.keys(mishaps))("%s: it is done once, and nothing is prepared from then on", async (mishap) => {
    const { pool, client, names } = await watchedPool(url);
    const store = new PostgresChatStore({ pool, schemaName, maxRetries: 0 });
    await store.addMessage(mishap, message("a"));
    await mishaps[mishap]?.(client, names.at(-1) ?? "");
    names.splice(0);
    await store.addMessage(mishap, message("b"));
    expect(names).toEqual([expect.stringMatching(/^chatkeep_/), undefined]);
    names.splice(0);
    expect(await store.deleteLastMessage(mishap)).toEqual(message("b"));
    expect(await store.getMessages(mishap)).toEqual([message("a")]);
    expect(names).toEqual([undefined, undefined]);
    await pool.end();
  });

  it("one whose answer has another form since a table was changed is not in the way", async () => {
    const own = await makeTables(url, "chatkeep");
    const { pool, client } = await watchedPool(url);
    const store = new PostgresChatStore({ pool, schemaName: own });
    await store.addMessage("k", message("a"));
    expect(await store.countMessages("k")).toBe(1);
    await client.query(`ALTER TABLE "${own}".chatstore_conversations ALTER length TYPE integer`);
    expect(await store.countMessages("k")).toBe(1);
    await pool.end();
    await dropSchema(url, own);
  });
});
