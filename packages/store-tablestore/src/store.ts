import {
  BaseChatStore,
  DocumentDriver,
  HeadDriver,
  inParallel,
  type MaintenanceOptions,
  neverAborted,
} from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout } from "./chatkeep-layout.js";
import { Connected } from "./connect.js";
import { explainer } from "./explain.js";
import { type HistoryRow, LlamaIndexLayout } from "./llamaindex-layout.js";
import { checkOptions, type Settings, type TablestoreChatStoreOptions } from "./options.js";
import { setUp, tablesOf } from "./table.js";

type LayoutDriver = HeadDriver | DocumentDriver<string, HistoryRow>;

/**
 * Keeps conversations in Alibaba Cloud Tablestore, in the layout "chatkeep" (one row a message, appends of constant cost)
 * or in LlamaIndex Python's own (one row a conversation).
 */
export class TablestoreChatStore extends BaseChatStore<LayoutDriver> {
  readonly #settings: Settings;
  readonly #connected: Connected;

  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Sends nothing. */
  constructor(options: TablestoreChatStoreOptions) {
    const settings = checkOptions(options);
    const connected = new Connected(settings.client);
    super(
      { name: "tablestore", open: () => openDriver(settings, connected), explain: explainer(settings.table) },
      options,
    );
    this.#settings = settings;
    this.#connected = connected;
  }

  /**
   * Makes the tables that are missing, and settles when they can be read and written: up to a minute for new ones. Can be
   * called again, and by many processes at once. `MISCONFIGURED` when a table of that name is made for something else.
   * Four requests for each table, more while it is being made.
   */
  async setup(options?: MaintenanceOptions): Promise<void> {
    await this.maintain(options, async (context) => setUp(await this.#connected.requests(), this.#settings, context));
  }

  /** LlamaIndex's name of {@link setup}. */
  async createTableIfNotExist(options?: MaintenanceOptions): Promise<void> {
    await this.setup(options);
  }

  /** Forgets each conversation, as LlamaIndex's does: not all in one moment, and those that come meanwhile stay. */
  async clearStore(options?: MaintenanceOptions): Promise<void> {
    await inParallel(await this.getKeys(options), (key) => this.deleteMessages(key, options));
  }

  /**
   * Deletes what has expired, with all that belongs to it, and answers how many conversations that were. Reads all heads
   * (chatkeep) or keys (llamaindex), a page at a time. Can be stopped at any time and begun again; run it daily where
   * conversations expire.
   */
  async purgeExpired(options?: MaintenanceOptions): Promise<number> {
    return this.maintain(options, async (context) => (await this.driver()).purge(context));
  }

  override async close(): Promise<void> {
    await super.close();
    this.#connected.close();
  }
}

async function openDriver(settings: Settings, connected: Connected): Promise<LayoutDriver> {
  const { table, layout, ttlMs, autoSetup } = settings;
  const requests = await connected.requests();
  if (autoSetup) await setUp(requests, settings, { signal: neverAborted });
  if (layout === "llamaindex") return new DocumentDriver(new LlamaIndexLayout(requests, table), { ttlMs });
  return new HeadDriver(new ChatkeepLayout(requests, tablesOf(table)), { ttlMs });
}
