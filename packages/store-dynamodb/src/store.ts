import { type AttributeValue, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  BaseChatStore,
  DocumentDriver,
  HeadDriver,
  type MaintenanceOptions,
  neverAborted,
  type PurgeOptions,
} from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout } from "./chatkeep-layout.js";
import { explainer } from "./explain.js";
import { type HistoryItem, LlamaIndexLayout } from "./llamaindex-layout.js";
import { type Connection, checkOptions, type DynamoDBChatStoreOptions, type DynamoDBLayout } from "./options.js";
import { Requests } from "./requests.js";
import { detectLayout, setUp, type TableAccess } from "./table.js";

type LayoutDriver = HeadDriver | DocumentDriver<AttributeValue, HistoryItem>;

/**
 * Keeps conversations in a DynamoDB table, in the layout "chatkeep" (one row a message, appends of constant cost) or in
 * LlamaIndex Python's own (one item a conversation).
 */
export class DynamoDBChatStore extends BaseChatStore<LayoutDriver> {
  readonly #access: TableAccess;
  readonly #ownClient: DynamoDBClient | undefined;

  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Sends nothing. */
  constructor(options: DynamoDBChatStoreOptions) {
    const settings = checkOptions(options);
    const explain = explainer(settings.table);
    const own = settings.client === undefined ? newClient(settings.connection) : undefined;
    const access = { client: settings.client ?? (own as DynamoDBClient), settings, explain };
    super({ name: "dynamodb", open: () => openDriver(access), explain }, options);
    this.#access = access;
    this.#ownClient = own;
  }

  /**
   * Makes the table if there is none (on demand; for the layout "chatkeep" unless `layout` says otherwise), adds what it
   * lacks, switches its TTL on, and settles when it can be used: seconds for a new table, minutes or more for an index that
   * is added to a full one. Can be called again, and by many processes at once. `MISCONFIGURED` when the table is made for
   * something else.
   */
  async setup(options?: MaintenanceOptions): Promise<void> {
    await this.maintain(options, ({ signal }) => setUp(this.#access, signal));
  }

  /** The layout in use: the option, or what the table's key schema says (one DescribeTable, once). */
  async layout(): Promise<DynamoDBLayout> {
    const driver = await this.maintain({}, () => this.driver());
    return driver instanceof DocumentDriver ? "llamaindex" : "chatkeep";
  }

  /**
   * Deletes what has expired, with all that belongs to it, and answers how many conversations that were. Reads the heads of
   * all conversations, and the rows of those that have something to remove (layout "llamaindex": the whole table). Run it
   * daily where conversations expire. It can be stopped at any time, and does not do again what it did before.
   *
   * `thorough` reads the whole table: it also finds rows whose head DynamoDB deleted, a week after it expired, and rows of
   * a client that died before it showed them.
   */
  async purgeExpired(options: MaintenanceOptions & PurgeOptions = {}): Promise<number> {
    return this.maintain(options, async (context) => {
      const driver = await this.driver();
      return driver instanceof DocumentDriver ? driver.purge(context) : driver.purge(context, options);
    });
  }

  override async close(): Promise<void> {
    await super.close();
    this.#ownClient?.destroy();
  }
}

async function openDriver(access: TableAccess): Promise<LayoutDriver> {
  const { client, settings } = access;
  const { autoSetup, table, primaryKey, ttlAttribute, ttlMs } = settings;
  const layout = autoSetup ? await setUp(access, neverAborted) : (settings.layout ?? (await detectLayout(access)));
  const requests = new Requests(client, table);
  const names = { primaryKey, ttlAttribute };
  if (layout === "llamaindex") return new DocumentDriver(new LlamaIndexLayout(requests, names), { ttlMs });
  return new HeadDriver(new ChatkeepLayout(requests, names), { ttlMs });
}

function newClient({ region, profile, credentials, endpoint }: Connection): DynamoDBClient {
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
