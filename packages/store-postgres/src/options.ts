import {
  type CommonOptions,
  chatStoreError,
  checkClientAlone,
  checkOptionNames,
  invalid,
  ttlMilliseconds,
} from "@chatkeep/chat-store-core/backend";
import { checkName, type DataTables, dataTablesOf, type Tables, tablesOf } from "./names.js";
import type { PostgresPoolLike } from "./pool.js";

/** How conversations are kept: see the README. */
export type PostgresLayout = "chatkeep" | "llamaindex";

/** What a store has besides its connection. */
export interface PostgresTableOptions extends CommonOptions {
  /**
   * By default `"chatstore"`: the tables are `chatstore_conversations`, `chatstore_messages` and `chatstore_migrations`. In
   * the layout "llamaindex" it is `data_chatstore`, or the `chatstore` that a newer LlamaIndex has made.
   */
  tableName?: string | undefined;
  /** The schema of the tables: by default `"public"`. It need not be on the search path. */
  schemaName?: string | undefined;
  /** By default `"chatkeep"`; `"llamaindex"` for the table that LlamaIndex Python reads and writes. */
  layout?: PostgresLayout | undefined;
  /** A conversation expires this long after its last write, in seconds; never when absent. Not in the layout "llamaindex". */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's short name of `ttlSeconds`. */
  ttl?: number | undefined;
  /** In the layout "llamaindex", the type of a table that is made: `jsonb[]` instead of `json[]`. An existing one tells by itself. */
  useJsonb?: boolean | undefined;
  /**
   * Whether statements are prepared, by the first that needs them on a connection: by default they are, which halves what
   * the server has to do. A pooler that can't have it is noticed: then they are sent unprepared, as with false.
   */
  preparedStatements?: boolean | undefined;
  /** Whether the first operation makes the tables if there are none, or brings them up to date: by default it does. */
  autoSetup?: boolean | undefined;
}

/** What the store's own pool is made from: pg's options of these names. */
export interface PostgresConnectionOptions {
  /** `postgresql://user:password@host:port/database`; also as an asyncpg or psycopg URI of SQLAlchemy, see `fromUri`. */
  connectionString?: string | undefined;
  /** By default `PGHOST`, or `localhost`. */
  host?: string | undefined;
  /** By default `PGPORT`, or 5432. */
  port?: number | undefined;
  /** By default `PGDATABASE`, or the user's name. */
  database?: string | undefined;
  /** By default `PGUSER`, or the system's user. */
  user?: string | undefined;
  /** Or how to get one for each new connection. By default `PGPASSWORD`. */
  password?: string | (() => string | Promise<string>) | undefined;
  /** true, or what `tls.connect` takes (`ca`, `cert`, `key`, …). */
  ssl?: boolean | object | undefined;
  /** The most connections: by default 10. */
  max?: number | undefined;
  /** After which an idle connection is closed, in milliseconds: by default 10,000; 0 for never. */
  idleTimeoutMillis?: number | undefined;
  /** How long to wait for a connection, a free one or a new one, in milliseconds: by default 10,000; 0 for ever. */
  connectionTimeoutMillis?: number | undefined;
  /** After which a connection is replaced, in seconds: by default never. */
  maxLifetimeSeconds?: number | undefined;
  /** What `pg_stat_activity` shows. */
  application_name?: string | undefined;
}

type NoConnection = { [Name in keyof PostgresConnectionOptions]?: undefined };

interface OwnPool extends PostgresConnectionOptions {
  pool?: undefined;
}

interface InjectedPool extends NoConnection {
  /** A `Pool` of pg that the application made, and closes. */
  pool: PostgresPoolLike;
}

/** A pool, or what one is made from; never both. */
export type PostgresChatStoreOptions = PostgresTableOptions & (OwnPool | InjectedPool);

/** Options that were checked, with their defaults. */
export interface Settings {
  layout: PostgresLayout;
  /** Of the layout "chatkeep". */
  tables: Tables;
  /** Of the layout "llamaindex". */
  dataTables: DataTables;
  ttlMs: number | undefined;
  useJsonb: boolean;
  preparedStatements: boolean;
  autoSetup: boolean;
  /** The pool that was handed in; otherwise one is to be made of `connection`. */
  pool: PostgresPoolLike | undefined;
  connection: PostgresConnectionOptions;
}

const connectionNames = [
  "connectionString",
  "host",
  "port",
  "database",
  "user",
  "password",
  "ssl",
  "max",
  "idleTimeoutMillis",
  "connectionTimeoutMillis",
  "maxLifetimeSeconds",
  "application_name",
] as const satisfies readonly (keyof PostgresConnectionOptions)[];

const tableNames = [
  "tableName",
  "schemaName",
  "layout",
  "ttlSeconds",
  "ttl",
  "useJsonb",
  "preparedStatements",
  "autoSetup",
  "timeoutMs",
  "maxRetries",
] as const satisfies readonly (keyof PostgresTableOptions)[];

/** Throws `INVALID_ARGUMENT` for what is wrong in itself or together. No text of it holds a value that may be secret. */
export function checkOptions(options: PostgresChatStoreOptions): Settings {
  checkOptionNames(options, ["pool", ...tableNames, ...connectionNames]);
  const { tableName = "chatstore", schemaName = "public", layout = "chatkeep", pool } = options;
  const { autoSetup = true, preparedStatements = true, useJsonb = false } = options;
  if (layout !== "chatkeep" && layout !== "llamaindex") throw invalid('layout must be "chatkeep" or "llamaindex".');
  for (const [name, value] of Object.entries({ autoSetup, preparedStatements, useJsonb })) {
    if (typeof value !== "boolean") throw invalid(`${name} must be true or false.`);
  }
  checkName("schemaName", schemaName);
  checkName("tableName", tableName, layout);
  const ttlMs = ttlMilliseconds(options);
  if (layout === "llamaindex" && ttlMs !== undefined) {
    const problem = 'The layout "llamaindex" has no place for an expiry. Leave ttlSeconds out, or take "chatkeep".';
    throw chatStoreError("UNSUPPORTED", problem);
  }
  if (layout === "chatkeep" && options.useJsonb === true) {
    const problem = 'useJsonb is for the layout "llamaindex": "chatkeep" keeps messages as text, which holds any JSON.';
    throw chatStoreError("UNSUPPORTED", problem);
  }
  if (pool !== undefined && typeof pool?.connect !== "function") throw invalid("pool must be a Pool of pg.");
  checkClientAlone("pool", options, connectionNames);
  return {
    layout,
    tables: tablesOf(schemaName, tableName),
    dataTables: dataTablesOf(schemaName, tableName),
    ttlMs,
    useJsonb,
    preparedStatements,
    autoSetup,
    pool,
    connection: checkConnection(options),
  };
}

function checkConnection(options: PostgresConnectionOptions): PostgresConnectionOptions {
  const { connectionString, password, ssl } = options;
  for (const name of ["connectionString", "host", "database", "user", "application_name"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "string") throw invalid(`${name} must be text.`);
  }
  for (const name of ["port", "max", "idleTimeoutMillis", "connectionTimeoutMillis", "maxLifetimeSeconds"] as const) {
    const value = options[name];
    const least = name === "port" || name === "max" ? 1 : 0;
    if (value !== undefined && (!Number.isInteger(value) || value < least)) {
      throw invalid(`${name} must be an integer, ${least} or more.`);
    }
  }
  if (password !== undefined && typeof password !== "string" && typeof password !== "function") {
    throw invalid("password must be text, or a function that gives it.");
  }
  if (ssl !== undefined && typeof ssl !== "boolean" && (typeof ssl !== "object" || ssl === null)) {
    throw invalid("ssl must be true, false or what tls.connect takes.");
  }
  const given = connectionNames.filter((name) => options[name] !== undefined);
  const connection = Object.fromEntries(given.map((name) => [name, options[name]])) as PostgresConnectionOptions;
  return connectionString === undefined ? connection : { ...connection, connectionString: nodeUri(connectionString) };
}

/**
 * A URI as pg takes it: SQLAlchemy's name of a driver is left out (`postgresql+asyncpg://`), and asyncpg's `ssl` is called
 * `sslmode`, as everywhere else.
 */
function nodeUri(uri: string): string {
  let url: URL;
  try {
    url = new URL(uri.replace(/^(postgres(?:ql)?)\+\w+:/i, "$1:"));
  } catch {
    // The parser's own message would repeat the URI, password and all.
    throw invalid("connectionString must be a URI: postgresql://user:password@host:port/database.");
  }
  if (url.protocol !== "postgresql:" && url.protocol !== "postgres:") {
    throw invalid("connectionString must begin with postgresql:// (or postgresql+asyncpg://, postgresql+psycopg://).");
  }
  const ssl = url.searchParams.get("ssl");
  if (ssl !== null && /^(?:disable|allow|prefer|require|verify-ca|verify-full)$/.test(ssl)) {
    url.searchParams.delete("ssl");
    url.searchParams.set("sslmode", ssl);
  }
  return url.href;
}
