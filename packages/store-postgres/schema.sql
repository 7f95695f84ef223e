-- The tables of the layout "chatkeep", as `await store.setup()` makes them: for those whose application may not make
-- tables (`autoSetup: false`). Another tableName or schemaName: put it in place of "chatstore" and "public" everywhere.

CREATE TABLE IF NOT EXISTS "public"."chatstore_migrations" (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "public"."chatstore_conversations" (
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
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE "public"."chatstore_messages" (
  key text COLLATE "C" NOT NULL,
  life bigint NOT NULL,
  position numeric NOT NULL,
  payload text NOT NULL,
  PRIMARY KEY (key, life, position)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

INSERT INTO "public"."chatstore_migrations" (version) VALUES (0), (1);
