import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { columnsOf, missingTable, wrongColumn } from "./columns.js";
import type { Database } from "./database.js";
import { qualify, quote } from "./names.js";
import type { Settings } from "./options.js";
import { makeSchema, untilAlone } from "./set-up.js";

/** LlamaIndex's table as it is. */
export interface DataTable {
  /** Schema-qualified and quoted. */
  sql: string;
  elements: "json" | "jsonb";
}

/** Finds LlamaIndex's table, and makes it first if there is none and that is wanted. */
export async function openDataTable(
  database: Database,
  settings: Settings,
  signal: AbortSignalLike,
): Promise<DataTable> {
  return (await find(database, settings, signal, settings.autoSetup)) ?? setUpDataTable(database, settings, signal);
}

export async function setUpDataTable(
  database: Database,
  settings: Settings,
  signal: AbortSignalLike,
): Promise<DataTable> {
  const { dataTables, useJsonb } = settings;
  await makeSchema(database, dataTables.schema, signal);
  const there = await find(database, settings, signal, true);
  if (there !== undefined) return there;
  // With the prefix, which the older versions of Python's package insist on, and the newer ones look for first.
  const { schema, prefixed } = dataTables;
  const sql = qualify(schema, prefixed);
  const elements = useJsonb ? "jsonb" : "json";
  const unique = quote(`${prefixed}:unique_key`);
  await untilAlone(signal, () =>
    database.transaction(signal, async (send) => {
      await send(
        `CREATE TABLE IF NOT EXISTS ${sql} (id serial PRIMARY KEY, key varchar NOT NULL, value ${elements}[], CONSTRAINT ${unique} UNIQUE (key))`,
      );
      await send(`CREATE INDEX IF NOT EXISTS ${quote(`${prefixed}:idx_key`)} ON ${sql} (key)`);
    }),
  );
  return (await find(database, settings, signal, false)) ?? { sql, elements };
}

async function find(
  database: Database,
  { dataTables: { schema, prefixed, plain }, useJsonb }: Settings,
  signal: AbortSignalLike,
  mayBeMissing: boolean,
): Promise<DataTable | undefined> {
  const tables = await columnsOf(database, schema, [prefixed, plain], signal);
  const name = tables.has(prefixed) ? prefixed : plain;
  const columns = tables.get(name);
  if (columns === undefined) {
    if (mayBeMissing) return undefined;
    throw missingTable(schema, prefixed);
  }
  const key = columns.get("key");
  if (key === undefined || !/^(?:text|character varying)/.test(key.type)) {
    throw wrongColumn(schema, name, "key", key, "character varying");
  }
  const value = columns.get("value");
  if (value?.type !== "jsonb[]" && (value?.type !== "json[]" || useJsonb)) {
    throw wrongColumn(schema, name, "value", value, useJsonb ? "jsonb[], as useJsonb says" : "json[] or jsonb[]");
  }
  return { sql: qualify(schema, name), elements: value.type === "jsonb[]" ? "jsonb" : "json" };
}
