import { randomUUID } from "node:crypto";
import type { TcpRequest } from "@chatkeep/test-servers";
import { Client, Pool } from "pg";
import { PostgresChatStore, type PostgresLayout } from "../../src/index.js";

/** A schema of a test's own. */
export function newSchema(): string {
  return `chatkeep_${randomUUID().slice(0, 13).replace("-", "_")}`;
}

/** One statement, or several without values, on a connection of its own. */
export async function sql(url: string, text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Makes the tables of a layout in a schema of their own. */
export async function makeTables(url: string, layout: PostgresLayout, schemaName = newSchema()): Promise<string> {
  const store = PostgresChatStore.fromUri(url, { schemaName, layout });
  await store.setup();
  await store.close();
  return schemaName;
}

export async function dropSchema(url: string, schemaName: string): Promise<void> {
  await sql(url, `DROP SCHEMA IF EXISTS "${schemaName.replaceAll('"', '""')}" CASCADE`);
}

/** A pool that counts what it sends, each statement by itself: a round trip each. */
export function countingPool(url: string, count: (text: string) => void, max = 10): Pool {
  const pool = new Pool({ connectionString: url, max });
  pool.on("error", () => {});
  pool.on("connect", (client) => {
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, {
      query(...args: unknown[]) {
        const [query] = args;
        count(typeof query === "string" ? query : ((query as { text?: string }).text ?? ""));
        return send(...args);
      },
    });
  });
  return pool;
}

const writes =
  /chatkeep_(?:append|insert|replace|forget|edit|remove|pop|trim|renumber|settle|begin)|INSERT INTO|UPDATE "|DELETE FROM/;

/** Whether it is a statement that changes a conversation; of a prepared one only the name is sent. */
export function isWrite({ data }: TcpRequest): boolean {
  return writes.test(data.toString("latin1"));
}
