import { BaseChatStore, type MaintenanceOptions } from "@chatkeep/chat-store-core/backend";
import { Pool } from "pg";
import { ChatkeepLayout } from "./chatkeep-layout.js";
import { Database } from "./database.js";
import { explainer } from "./explain.js";
import { LlamaIndexLayout } from "./llamaindex-layout.js";
import {
  checkOptions,
  type PostgresChatStoreOptions,
  type PostgresConnectionOptions,
  type PostgresTableOptions,
} from "./options.js";
import { type Access, openTables, setUp } from "./set-up.js";

type LayoutDriver = ChatkeepLayout | LlamaIndexLayout;

/**
 * Keeps conversations in Postgres, in the layout "chatkeep" (one row a message, appends of constant cost, one round trip
 * each) or in LlamaIndex Python's own (one row a conversation).
 */
export class PostgresChatStore extends BaseChatStore<LayoutDriver> {
  readonly #access: Access;
  readonly #ownPool: Pool | undefined;

  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Sends nothing. */
  constructor(options: PostgresChatStoreOptions = {}) {
    const settings = checkOptions(options);
    const own = settings.pool === undefined ? newPool(settings.connection) : undefined;
    const access = { database: new Database(settings.pool ?? (own as Pool)), settings };
    super({ name: "postgres", open: () => openDriver(access), explain: explainer(settings.tables) }, options);
    this.#access = access;
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
    return new PostgresChatStore({ ...options, connectionString: uri });
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
    await this.maintain(options, ({ signal }) => setUp(this.#access, signal));
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

async function openDriver(access: Access): Promise<LayoutDriver> {
  const { database, settings } = access;
  const { layout, tables, ttlMs } = settings;
  const shape = await openTables(access, new AbortController().signal);
  if (layout === "chatkeep") return new ChatkeepLayout(database, tables, ttlMs);
  const type = shape.get(tables.data)?.get("value")?.type;
  return new LlamaIndexLayout(database, tables, type === "jsonb[]" ? "jsonb" : "json");
}

function newPool(connection: PostgresConnectionOptions): Pool {
  const pool = new Pool({ connectionTimeoutMillis: 10_000, keepAlive: true, ...(connection as object) });
  // An idle connection that breaks is replaced; unheard, its error would end the process.
  pool.on("error", () => {});
  return pool;
}
