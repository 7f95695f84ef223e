import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BaseChatStore, type Driver, HeadDriver } from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout } from "./chatkeep-layout.js";
import { explained, explainer } from "./explain.js";
import { LlamaIndexLayout } from "./llamaindex-layout.js";
import { type Connection, checkOptions, type DynamoDBChatStoreOptions, type DynamoDBLayout } from "./options.js";
import { Requests } from "./requests.js";
import { ServiceClock } from "./service-clock.js";
import { detectLayout, setUp } from "./table.js";

/** What goes beyond the facade's calls. */
export interface MaintenanceOptions {
  signal?: AbortSignal | undefined;
}

/** An opened layout. */
interface Opened {
  layout: DynamoDBLayout;
  driver: HeadDriver | LlamaIndexLayout;
}

/**
 * Keeps conversations in a DynamoDB table, in the layout "chatkeep" (one row a message, appends of constant cost) or in
 * LlamaIndex Python's own (one item a conversation).
 */
export class DynamoDBChatStore extends BaseChatStore {
  readonly #means: Means;

  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Sends nothing. */
  constructor(options: DynamoDBChatStoreOptions) {
    const means = new Means(options);
    super({ name: "dynamodb", open: () => means.openDriver(), explain: means.explain }, options);
    this.#means = means;
  }

  /**
   * Makes the table if there is none (on demand; for the layout "chatkeep" unless `layout` says otherwise), adds what it
   * lacks, switches its TTL on, and settles when it can be used: seconds for a new table, minutes or more for an index that
   * is added to a full one. Can be called again, and by many processes at once. `MISCONFIGURED` when the table is made for
   * something else.
   */
  async setup(options: MaintenanceOptions = {}): Promise<void> {
    await this.#means.setUp(options.signal);
  }

  /** The layout in use: the option, or what the table's key schema says (one DescribeTable, once). */
  async layout(): Promise<DynamoDBLayout> {
    return explained(this.#means.explain, async () => (await this.#means.open()).layout);
  }

  /**
   * Deletes what has expired, with all that belongs to it, and answers how many conversations that were. Reads the whole
   * table, a page at a time. Can be stopped at any time and begun again; run it daily where conversations expire.
   */
  async purgeExpired(options: MaintenanceOptions = {}): Promise<number> {
    const signal = options.signal ?? new AbortController().signal;
    return explained(this.#means.explain, async () => {
      const { driver } = await this.#means.open();
      return driver.purge({ signal, attempt: 1 });
    });
  }

  override async close(): Promise<void> {
    await super.close();
    this.#means.close();
  }
}

/** What the store works with, made when it is needed. */
class Means {
  readonly explain;
  readonly #settings;
  readonly #own: DynamoDBClient | undefined;
  readonly #client;
  #opened: Promise<Opened> | undefined;

  constructor(options: DynamoDBChatStoreOptions) {
    this.#settings = checkOptions(options);
    this.explain = explainer(this.#settings.table);
    this.#own = this.#settings.client === undefined ? ownClient(this.#settings.connection) : undefined;
    this.#client = this.#settings.client ?? this.#own ?? ownClient(this.#settings.connection);
  }

  async openDriver(): Promise<Driver> {
    return (await this.open()).driver;
  }

  open(): Promise<Opened> {
    const opening = this.#opened ?? this.#open();
    this.#opened = opening;
    // The next operation tries again.
    opening.catch(() => {
      this.#opened = undefined;
    });
    return opening;
  }

  async #open(): Promise<Opened> {
    const { autoSetup, table, primaryKey, ttlAttribute, ttlMs } = this.#settings;
    const layout = autoSetup
      ? await this.setUp()
      : (this.#settings.layout ?? (await detectLayout({ client: this.#client, settings: this.#settings })));
    const requests = new Requests(this.#client, table, new ServiceClock());
    const driver =
      layout === "llamaindex"
        ? new LlamaIndexLayout(requests, { primaryKey, ttlAttribute, ttlMs })
        : new HeadDriver(new ChatkeepLayout(requests, { primaryKey, ttlAttribute }), { ttlMs });
    return { layout, driver };
  }

  setUp(signal: AbortSignal = new AbortController().signal): Promise<DynamoDBLayout> {
    const means = { client: this.#client, settings: this.#settings, explain: this.explain, signal };
    return explained(this.explain, () => setUp(means));
  }

  close(): void {
    this.#own?.destroy();
  }
}

function ownClient({ region, profile, credentials, endpoint }: Connection): DynamoDBClient {
  return new DynamoDBClient({
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint }),
    // The facade sends again what failed, and knows what may have been applied.
    maxAttempts: 1,
    // Without them a request into the void takes all the time that the operation has.
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}
