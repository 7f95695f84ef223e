import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { chatStoreError, pause } from "@chatkeep/chat-store-core/backend";
import type { Database } from "./database.js";
import { isSetUpRace } from "./explain.js";
import { migrations, migrationsTable } from "./migrations.js";
import { quote, type Tables } from "./names.js";
import type { Settings } from "./options.js";

/** Columns by table, and their types as Postgres writes them. */
const columns = {
  heads: {
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
  },
  messages: { key: "text", life: "bigint", position: "numeric", payload: "text" },
} as const;

const primaryKeys = { heads: ["key"], messages: ["key", "life", "position"] } as const;

/** What a column is, and its place in the primary key, from 1. */
interface Column {
  type: string;
  collation: string;
  key: number | undefined;
}

type Shape = Map<string, Map<string, Column>>;

export interface Access {
  database: Database;
  settings: Settings;
}

/** The tables as they are. From the catalogs, which show also what the user may not read. */
async function shapeOf({ database, settings: { tables } }: Access, signal: AbortSignalLike): Promise<Shape> {
  const { rows } = await database.run(
    signal,
    `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(l.collname, ''),
  (SELECT k.place FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'v') AND c.relname = ANY ($2::text[])`,
    [tables.schema, [tables.heads, tables.messages, tables.data]],
  );
  const shape: Shape = new Map();
  for (const [table = "", column, type, collation, place] of rows) {
    const found = shape.get(table ?? "") ?? new Map<string, Column>();
    shape.set(table ?? "", found);
    const key = place === null || place === undefined ? undefined : Number(place);
    found.set(column ?? "", { type: type ?? "", collation: collation ?? "", key });
  }
  return shape;
}

/** Makes the tables, or brings them up to date, unless that is not wanted; throws when they are not as they must be. */
export async function openTables(access: Access, signal: AbortSignalLike): Promise<Shape> {
  const { layout, autoSetup, tables } = access.settings;
  const shape = await shapeOf(access, signal);
  const names = layout === "chatkeep" ? [tables.heads, tables.messages] : [tables.data];
  if (names.some((name) => !shape.has(name)) && autoSetup) return setUp(access, signal);
  check(access.settings, shape);
  return shape;
}

/** Makes what is missing. Many processes may do it at once. */
export async function setUp(access: Access, signal: AbortSignalLike): Promise<Shape> {
  const { layout } = access.settings;
  await makeSchema(access, signal);
  if (layout === "chatkeep") await migrate(access, signal);
  else await makeDataTable(access, signal);
  const shape = await shapeOf(access, signal);
  check(access.settings, shape);
  return shape;
}

/** Only if there is none: who may not make schemas may not say IF NOT EXISTS either. */
async function makeSchema({ database, settings: { tables } }: Access, signal: AbortSignalLike): Promise<void> {
  await untilAlone(signal, async () => {
    const { count } = await database.run(signal, "SELECT 1 FROM pg_namespace WHERE nspname = $1", [tables.schema]);
    if (count === 0) await database.run(signal, `CREATE SCHEMA IF NOT EXISTS ${tables.sql.schema}`);
  });
}

/** One process at a time, by a lock on the row of version 0, which every pooler and engine has. */
async function migrate({ database, settings: { tables } }: Access, signal: AbortSignalLike): Promise<void> {
  const table = tables.sql.migrations;
  await untilAlone(signal, async () => {
    await database.run(signal, migrationsTable(tables));
    await database.run(signal, `INSERT INTO ${table} (version) VALUES (0) ON CONFLICT (version) DO NOTHING`);
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

/** As LlamaIndex Python makes it, with the names of its constraints. */
async function makeDataTable({ database, settings }: Access, signal: AbortSignalLike): Promise<void> {
  const { tables, useJsonb } = settings;
  const { data } = tables.sql;
  await untilAlone(signal, async () => {
    await database.transaction(signal, async (send) => {
      const unique = quote(`${tables.data}:unique_key`);
      await send(
        `CREATE TABLE IF NOT EXISTS ${data} (id serial PRIMARY KEY, key varchar NOT NULL, value ${useJsonb ? "jsonb" : "json"}[], CONSTRAINT ${unique} UNIQUE (key))`,
      );
      await send(`CREATE INDEX IF NOT EXISTS ${quote(`${tables.data}:idx_key`)} ON ${data} (key)`);
    });
  });
}

/** Postgres's IF NOT EXISTS may fail when two say it at once; whoever lost finds it there. */
async function untilAlone(signal: AbortSignalLike, step: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (!isSetUpRace(error) || tries === 20 || signal.aborted) throw error;
      await pause(Math.random() * 20 * (tries + 1), signal);
    }
  }
}

function check({ tables, layout, useJsonb }: Settings, shape: Shape): void {
  if (layout === "chatkeep") {
    for (const table of ["heads", "messages"] as const) checkTable(tables, tables[table], table, shape);
    return;
  }
  const found = shape.get(tables.data);
  if (found === undefined) throw missing(tables, tables.data);
  const type = found.get("value")?.type;
  if (type !== "json[]" && type !== "jsonb[]") throw wrong(tables, tables.data, "value", type, "json[] or jsonb[]");
  const key = found.get("key")?.type ?? "";
  if (!/^(?:text|character varying)/.test(key)) throw wrong(tables, tables.data, "key", key, "character varying");
  if (useJsonb && type === "json[]") throw wrong(tables, tables.data, "value", type, "jsonb[], as useJsonb says");
}

function checkTable(tables: Tables, name: string, table: "heads" | "messages", shape: Shape): void {
  const found = shape.get(name);
  if (found === undefined) throw missing(tables, name);
  for (const [column, type] of Object.entries(columns[table])) {
    const is = found.get(column);
    if (is?.type !== type) throw wrong(tables, name, column, is?.type, type);
  }
  const key = [...found].filter(([, { key }]) => key !== undefined).sort(([, a], [, b]) => (a.key ?? 0) - (b.key ?? 0));
  const names = key.map(([column]) => column).join(", ");
  const expected = primaryKeys[table].join(", ");
  if (names !== expected) {
    throw problem(tables, name, `has the primary key (${names}), and needs (${expected}).`);
  }
  const collation = found.get("key")?.collation;
  if (collation !== "C") throw problem(tables, name, `has a column key in the collation ${collation}, and needs "C".`);
}

function missing(tables: Tables, name: string) {
  return problem(tables, name, "does not exist. Make it with `await store.setup()` or schema.sql.");
}

function wrong(tables: Tables, name: string, column: string, is: string | undefined, needed: string) {
  const found = is === undefined || is === "" ? `has no column ${column}` : `has a column ${column} of type ${is}`;
  return problem(tables, name, `${found}, and needs ${needed}. It is another application's, or of another layout.`);
}

function problem({ schema }: Tables, name: string, text: string) {
  return chatStoreError("MISCONFIGURED", `Table ${quote(schema)}.${quote(name)} ${text}`);
}
