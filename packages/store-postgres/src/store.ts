import { BaseChatStore, type MaintenanceOptions } from "@chatkeep/chat-store-core/backend";
import { Pool } from "pg";
import { ChatkeepLayout } from "./chatkeep-layout.js";
import { openTables, setUpTables } from "./chatkeep-tables.js";
import { Database } from "./database.js";
import { explainer } from "./explain.js";
import { LlamaIndexLayout } from "./llamaindex-layout.js";
import { openDataTable, setUpDataTable } from "./llamaindex-table.js";
import {
  checkOptions,
  type PostgresChatStoreOptions,
  type PostgresConnectionOptions,
  type PostgresTableOptions,
  type Settings,
} from "./options.js";

type LayoutDriver = ChatkeepLayout | LlamaIndexLayout;

/**
 * Keeps conversations in Postgres, in the layout "chatkeep" (one row a message, appends of constant cost, one round trip
 * each) or in LlamaIndex Python's own (one row a conversation).
 */
export class PostgresChatStore extends BaseChatStore<LayoutDriver> {
  readonly #database: Database;
  readonly #settings: Settings;
  readonly #ownPool: Pool | undefined;

  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Sends nothing. */
  constructor(options: PostgresChatStoreOptions = {}) {
    const settings = checkOptions(options);
    const own = settings.pool === undefined ? newPool(settings.connection) : undefined;
    const database = new Database(settings.pool ?? (own as Pool), settings.preparedStatements);
    super({ name: "postgres", open: () => openDriver(database, settings), explain: explainer(settings) }, options);
    this.#database = database;
    this.#settings = settings;
    this.#ownPool = own;
  }

  /**
   * As LlamaIndex's `from_uri`: `postgresql://user:password@host:port/database`, also with SQLAlchemy's names of drivers
   * (`postgresql+asyncpg://`, `postgresql+psycopg://`).
   */
  static fromUri(
    uri: string,
    options: PostgresTableOptions & Omit<PostgresConnectionOptions, "connectionString"> = {},
  ): PostgresChatStore {
    // Without one pg would look for a server by itself.
    return new PostgresChatStore({ ...options, connectionString: uri ?? "" });
  }

  /** As LlamaIndex's `from_params`. */
  static fromParams(options: PostgresTableOptions & PostgresConnectionOptions): PostgresChatStore {
    return new PostgresChatStore(options);
  }

  /**
   * Makes schema and tables where they are missing, or brings them up to date. Can be called again, and by many processes
   * at once. `MISCONFIGURED` when a table of that name is made for something else, or the user may not make tables.
   */
  async setup(options?: MaintenanceOptions): Promise<void> {
    const { layout, tables } = this.#settings;
    await this.maintain(options, async ({ signal }) => {
      if (layout === "chatkeep") await setUpTables(this.#database, tables, signal);
      else await setUpDataTable(this.#database, this.#settings, signal);
    });
  }

  /**
   * Deletes what has expired, what a forgotten conversation left behind more than a day ago, and removed messages that
   * nobody can ask for any more; answers how many conversations had expired. Reads all heads, some hundreds at a time, in
   * short transactions. Can be stopped at any time and begun again; run it daily.
   */
  async purgeExpired(options?: MaintenanceOptions): Promise<number> {
    return this.maintain(options, async (context) => (await this.driver()).purge(context));
  }

  override async close(): Promise<void> {
    await super.close();
    if (this.#ownPool !== undefined && !this.#ownPool.ending) await this.#ownPool.end();
  }
}

async function openDriver(database: Database, settings: Settings): Promise<LayoutDriver> {
  const { layout, tables, autoSetup, ttlMs } = settings;
  const { signal } = new AbortController();
  if (layout === "llamaindex") return new LlamaIndexLayout(database, await openDataTable(database, settings, signal));
  await openTables(database, tables, autoSetup, signal);
  return new ChatkeepLayout(database, tables, ttlMs);
}

function newPool(connection: PostgresConnectionOptions): Pool {
  const pool = new Pool({ connectionTimeoutMillis: 10_000, keepAlive: true, ...(connection as object) });
  // An idle connection that breaks is replaced; unheard, its error would end the process.
  pool.on("error", ignore);
  // So would that of one which ends in the very moment in which the pool hands it out.
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}

function ignore(): void {}
