import { invalid, utf8Length } from "@chatkeep/chat-store-core/backend";
import type { PostgresLayout } from "./options.js";

/** Longest name of a table, in bytes (NAMEDATALEN - 1); Postgres cuts longer ones off, so that two become one. */
const maxNameBytes = 63;

const suffixes = { heads: "_conversations", messages: "_messages", migrations: "_migrations" } as const;

/** The tables of a store, as names and as SQL. */
export interface Tables {
  schema: string;
  heads: string;
  messages: string;
  migrations: string;
  /** Schema-qualified and quoted. */
  sql: { heads: string; messages: string; migrations: string };
}

/** LlamaIndex's table in its two names: with the prefix of its older versions, which all of them find, or without. */
export interface DataTables {
  schema: string;
  prefixed: string;
  plain: string;
}

export function checkName(option: string, name: unknown, layout?: PostgresLayout): asserts name is string {
  // "data_" with ":unique_key" behind it is a name too.
  const most = maxNameBytes - { chatkeep: suffixes.heads.length, llamaindex: 16, none: 0 }[layout ?? "none"];
  const wellFormed = typeof name === "string" && name !== "" && !/[\0\p{Surrogate}]/u.test(name);
  if (wellFormed && utf8Length(name) <= most) return;
  throw invalid(`${option} must be text of 1 to ${most} UTF-8 bytes, without NUL.`);
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Schema-qualified and quoted. */
export function qualify(schema: string, name: string): string {
  return `${quote(schema)}.${quote(name)}`;
}

export function tablesOf(schema: string, tableName: string): Tables {
  const heads = tableName + suffixes.heads;
  const messages = tableName + suffixes.messages;
  const migrations = tableName + suffixes.migrations;
  const sql = {
    heads: qualify(schema, heads),
    messages: qualify(schema, messages),
    migrations: qualify(schema, migrations),
  };
  return { schema, heads, messages, migrations, sql };
}

/** As LlamaIndex does, names are taken in lower case. */
export function dataTablesOf(schemaName: string, tableName: string): DataTables {
  const plain = tableName.toLowerCase();
  return { schema: schemaName.toLowerCase(), plain, prefixed: `data_${plain}` };
}
