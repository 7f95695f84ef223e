import { invalid, utf8Length } from "@chatkeep/chat-store-core/backend";
import type { PostgresLayout } from "./options.js";

/** Longest name of a table, in bytes (NAMEDATALEN - 1); Postgres cuts longer ones off, so that two become one. */
const maxNameBytes = 63;

const longestSuffix = "_migrations";

/** The tables of a store, as names and as SQL. */
export interface Tables {
  schema: string;
  heads: string;
  messages: string;
  migrations: string;
  /** LlamaIndex's. */
  data: string;
  /** Schema-qualified and quoted. */
  sql: { schema: string; heads: string; messages: string; migrations: string; data: string };
}

export function checkName(option: string, name: unknown, layout?: PostgresLayout): asserts name is string {
  // "data_" with ":unique_key" behind it is a name too.
  const most = maxNameBytes - { chatkeep: longestSuffix.length, llamaindex: 16, none: 0 }[layout ?? "none"];
  const wellFormed = typeof name === "string" && name !== "" && !/[\0\p{Surrogate}]/u.test(name);
  if (wellFormed && utf8Length(name) <= most) return;
  throw invalid(`${option} must be text of 1 to ${most} UTF-8 bytes, without NUL.`);
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function tablesOf(schema: string, tableName: string): Tables {
  const names = {
    heads: tableName,
    messages: `${tableName}_messages`,
    migrations: `${tableName}${longestSuffix}`,
    data: `data_${tableName}`,
  };
  const qualified = (name: string) => `${quote(schema)}.${quote(name)}`;
  return {
    schema,
    ...names,
    sql: {
      schema: quote(schema),
      heads: qualified(names.heads),
      messages: qualified(names.messages),
      migrations: qualified(names.migrations),
      data: qualified(names.data),
    },
  };
}
