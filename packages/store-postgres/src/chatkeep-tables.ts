import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { type Columns, columnsOf, missingTable, wrongColumn, wrongTable } from "./columns.js";
import type { Database } from "./database.js";
import { migrations, migrationsTable } from "./migrations.js";
import type { Tables } from "./names.js";
import { makeSchema, untilAlone } from "./set-up.js";

const headColumns = {
  key: "text",
  life: "bigint",
  version: "bigint",
  length: "bigint",
  first_position: "numeric",
  last_position: "numeric",
  next_position: "numeric",
  cut_position: "numeric",
  cut_version: "bigint",
  renumbered: "bigint",
  kept_from: "bigint",
  kept_until: "bigint",
  operations: "text",
  expires_at: "timestamp with time zone",
  written_at: "timestamp with time zone",
};
const messageColumns = { key: "text", life: "bigint", position: "numeric", payload: "text" };

/** Sees that the tables of the layout "chatkeep" are there and as they must be; makes them first if that is wanted. */
export async function openTables(
  database: Database,
  tables: Tables,
  autoSetup: boolean,
  signal: AbortSignalLike,
): Promise<void> {
  const found = await columnsOf(database, tables.schema, [tables.heads, tables.messages], signal);
  if (autoSetup && found.size < 2) await setUpTables(database, tables, signal);
  else checkAll(tables, found);
}

/** Makes what is missing, or brings it up to date. Many processes may do it at once. */
export async function setUpTables(database: Database, tables: Tables, signal: AbortSignalLike): Promise<void> {
  await makeSchema(database, tables.schema, signal);
  const names = [tables.heads, tables.messages];
  // Before anything is made: what is there may be another application's.
  checkThose(tables, await columnsOf(database, tables.schema, names, signal));
  await migrate(database, tables, signal);
  checkAll(tables, await columnsOf(database, tables.schema, names, signal));
}

/** One process at a time, by a lock on the row of version 0, which every pooler and engine has. */
async function migrate(database: Database, tables: Tables, signal: AbortSignalLike): Promise<void> {
  const table = tables.sql.migrations;
  await untilAlone(signal, async () => {
    await database.runOnce(signal, migrationsTable(tables));
    await database.runOnce(signal, `INSERT INTO ${table} (version) VALUES (0) ON CONFLICT (version) DO NOTHING`);
  });
  await untilAlone(signal, () =>
    database.transaction(signal, async (send) => {
      await send(`SELECT 1 FROM ${table} WHERE version = 0 FOR UPDATE`);
      const { rows } = await send(`SELECT max(version) FROM ${table}`);
      const applied = Number(rows[0]?.[0] ?? 0);
      for (const [index, statements] of migrations(tables).entries()) {
        if (index < applied) continue;
        for (const statement of statements) await send(statement);
        await send(`INSERT INTO ${table} (version) VALUES ($1::integer)`, [index + 1]);
      }
    }),
  );
}

function checkAll(tables: Tables, found: ReadonlyMap<string, Columns>): void {
  const missing = [tables.heads, tables.messages].find((table) => !found.has(table));
  if (missing !== undefined) throw missingTable(tables.schema, missing);
  checkThose(tables, found);
}

function checkThose({ schema, heads, messages }: Tables, tables: ReadonlyMap<string, Columns>): void {
  for (const [table, columns] of tables) {
    if (table === heads) check(schema, table, columns, headColumns, ["key"]);
    if (table === messages) check(schema, table, columns, messageColumns, ["key", "life", "position"]);
  }
}

function check(
  schema: string,
  table: string,
  found: Columns,
  needed: Readonly<Record<string, string>>,
  primaryKey: readonly string[],
): void {
  for (const [name, type] of Object.entries(needed)) {
    const column = found.get(name);
    if (column?.type !== type) throw wrongColumn(schema, table, name, column, type);
  }
  const key = [...found]
    .filter(([, { key }]) => key !== undefined)
    .sort(([, a], [, b]) => (a.key ?? 0) - (b.key ?? 0))
    .map(([name]) => name);
  if (key.join() !== primaryKey.join()) {
    throw wrongTable(schema, table, `has the primary key (${key.join(", ")}), and needs (${primaryKey.join(", ")}).`);
  }
  const collation = found.get("key")?.collation;
  if (collation !== "C") throw wrongTable(schema, table, `has keys in the collation ${collation}, and needs "C".`);
}
