import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { chatStoreError } from "@chatkeep/chat-store-core/backend";
import type { Database } from "./database.js";
import { qualify } from "./names.js";

/** What a column is. */
export interface Column {
  /** As Postgres writes it. */
  type: string;
  /** Empty for a type that has none. */
  collation: string;
  /** Its place in the primary key, from 1. */
  key: number | undefined;
}

/** Columns of a table, by name. */
export type Columns = ReadonlyMap<string, Column>;

/** Of those tables that there are. From the catalogs, which also show what the user may not read. */
export async function columnsOf(
  database: Database,
  schema: string,
  tables: readonly string[],
  signal: AbortSignalLike,
): Promise<ReadonlyMap<string, Columns>> {
  const { rows } = await database.runOnce(
    signal,
    `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(l.collname, ''),
  (SELECT k.place FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'v') AND c.relname = ANY ($2::text[])`,
    [schema, tables],
  );
  const found = new Map<string, Map<string, Column>>();
  for (const [table, column, type, collation, place] of rows) {
    const columns = found.get(table ?? "") ?? new Map<string, Column>();
    found.set(table ?? "", columns);
    const key = typeof place === "string" ? Number(place) : undefined;
    columns.set(column ?? "", { type: type ?? "", collation: collation ?? "", key });
  }
  return found;
}

export function missingTable(schema: string, table: string) {
  return wrongTable(schema, table, "does not exist. Make it with `await store.setup()` or schema.sql.");
}

export function wrongColumn(schema: string, table: string, name: string, column: Column | undefined, needed: string) {
  const found = column === undefined ? `has no column ${name}` : `has a column ${name} of type ${column.type}`;
  return wrongTable(
    schema,
    table,
    `${found}, and needs ${needed}. It is another application's, or of another version.`,
  );
}

export function wrongTable(schema: string, table: string, problem: string) {
  return chatStoreError("MISCONFIGURED", `Table ${qualify(schema, table)} ${problem}`);
}
