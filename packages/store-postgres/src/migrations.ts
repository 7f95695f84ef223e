import type { Tables } from "./names.js";

/**
 * What brings the tables of the layout "chatkeep" up to date, one after the other and each once: the first makes version
 * 1. What was published is never changed; a change is another one behind it.
 */
export function migrations({ sql: { heads, messages } }: Tables): readonly (readonly string[])[] {
  return [
    [
      // Half of a page is left for newer versions of its rows, so that they need no new entries in the index (HOT).
      `CREATE TABLE ${heads} (
  key text COLLATE "C" PRIMARY KEY,
  life bigint NOT NULL,
  version bigint NOT NULL,
  length bigint NOT NULL,
  first_position numeric NOT NULL,
  last_position numeric NOT NULL,
  next_position numeric NOT NULL,
  cut_position numeric,
  cut_version bigint NOT NULL DEFAULT 0,
  renumbered bigint NOT NULL DEFAULT 0,
  kept_from bigint NOT NULL DEFAULT 1,
  kept_until bigint NOT NULL DEFAULT 0,
  operations text NOT NULL,
  expires_at timestamptz,
  written_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`,
      // Reads pass over dead entries of the index until a vacuum, so that it must not wait for a fifth of a large table.
      `CREATE TABLE ${messages} (
  key text COLLATE "C" NOT NULL,
  life bigint NOT NULL,
  position numeric NOT NULL,
  payload text NOT NULL,
  PRIMARY KEY (key, life, position)
) WITH (autovacuum_vacuum_scale_factor = 0.02)`,
    ],
  ];
}

export function migrationsTable({ sql }: Tables): string {
  return `CREATE TABLE IF NOT EXISTS ${sql.migrations} (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;
}
