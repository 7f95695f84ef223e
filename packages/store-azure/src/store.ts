import {
  BaseChatStore,
  DocumentDriver,
  HeadDriver,
  invalid,
  type MaintenanceOptions,
  neverAborted,
  pause,
  type ReadContext,
} from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout } from "./chatkeep-layout.js";
import { explainer, statusOf } from "./explain.js";
import type { Item } from "./llamaindex-entity.js";
import { type Conversation, LlamaIndexLayout } from "./llamaindex-layout.js";
import {
  type AzureChatStoreOptions,
  type AzureConnectionOptions,
  type AzureTableOptions,
  type AzureTokenCredential,
  checkOptions,
  type Settings,
} from "./options.js";
import { Requests } from "./requests.js";

/** What the factories take besides the way of authentication. */
export type AzureFactoryOptions = AzureTableOptions & AzureConnectionOptions;

type LayoutDriver = HeadDriver | DocumentDriver<Item, Conversation>;

/**
 * Keeps conversations in Azure Table Storage or Cosmos DB for Table, in the layout "chatkeep" (one partition a
 * conversation, appends of constant cost) or in LlamaIndex Python's own.
 */
export class AzureChatStore extends BaseChatStore<LayoutDriver> {
  readonly #settings: Settings;
  readonly #explain: ReturnType<typeof explainer>;

  /**
   * Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other, `UNSUPPORTED` for those that the layout
   * can't honour. Sends nothing.
   */
  constructor(options: AzureChatStoreOptions) {
    const settings = checkOptions(options);
    const { client, metadataClient } = settings;
    const explain = explainer([client, metadataClient].flatMap((each) => each?.tableName ?? []).join(" or "));
    super({ name: "azure", open: () => openDriver(settings), explain }, options);
    this.#settings = settings;
    this.#explain = explain;
  }

  /** With the connection string of a storage account, of Cosmos DB for Table, or one with a SAS. */
  static fromConnectionString(connectionString: string, options: AzureFactoryOptions = {}): AzureChatStore {
    return new AzureChatStore({ ...options, connectionString });
  }

  /** With an account's name and key. `endpoint` is that of Table Storage in the public cloud when it is not given. */
  static fromAccountAndKey(
    accountName: string,
    accountKey: string,
    { endpoint = endpointOf(accountName), ...options }: AzureFactoryOptions & { endpoint?: string | undefined } = {},
  ): AzureChatStore {
    return new AzureChatStore({ ...options, endpoint, credential: { name: accountName, key: accountKey } });
  }

  /** With an account's name and an identity, as `new DefaultAzureCredential()` of `@azure/identity`. */
  static fromAccountAndId(
    accountName: string,
    credential: AzureTokenCredential,
    { endpoint = endpointOf(accountName), ...options }: AzureFactoryOptions & { endpoint?: string | undefined } = {},
  ): AzureChatStore {
    return new AzureChatStore({ ...options, endpoint, credential });
  }

  /** With a shared access signature: of the account, or of the one table of the layout "chatkeep". */
  static fromSasToken(endpoint: string, sasToken: string, options: AzureFactoryOptions = {}): AzureChatStore {
    return new AzureChatStore({ ...options, endpoint, credential: { signature: sasToken } });
  }

  /** With Microsoft Entra ID: a `TokenCredential`, as those of `@azure/identity` are. */
  static fromAadToken(
    endpoint: string,
    credential: AzureTokenCredential,
    options: AzureFactoryOptions = {},
  ): AzureChatStore {
    return new AzureChatStore({ ...options, endpoint, credential });
  }

  /** Makes the tables if there are none. Can be called again, and by many processes at once. One request for each. */
  async setup(options?: MaintenanceOptions): Promise<void> {
    await this.maintain(options, async (context) => {
      for (let round = 1; ; round++) {
        try {
          return await setUp(this.#settings, context);
        } catch (error) {
          const { retry, retryAfterMs = 0 } = this.#explain(error);
          if (!retry || round > 5) throw error;
          await pause(retryAfterMs + Math.random() * 100 * 2 ** round, context.signal);
        }
      }
    });
  }

  /**
   * Deletes what has expired and what is left of conversations that ended, and answers how many had expired. Reads the
   * keys, and of each its head and the addresses of its rows. Can be stopped at any time and begun again; run it daily.
   */
  async purgeExpired(options?: MaintenanceOptions): Promise<number> {
    return this.maintain(options, async (context) => (await this.driver()).purge(context));
  }
}

async function openDriver(settings: Settings): Promise<LayoutDriver> {
  const { client, metadataClient, metadataPartition, mode, ttlMs } = settings;
  if (settings.autoSetup) {
    try {
      await setUp(settings, { signal: neverAborted });
    } catch (error) {
      // Credentials for the data alone are a good thing: then the tables are there, or the operation says that they aren't.
      if (statusOf(error) !== 401 && statusOf(error) !== 403) throw error;
    }
  }
  const chat = new Requests(client);
  if (metadataClient === undefined) return new HeadDriver(new ChatkeepLayout(chat, mode), { ttlMs });
  const metadata = new Requests(metadataClient);
  return new DocumentDriver(new LlamaIndexLayout({ chat, metadata, metadataPartition, mode }));
}

async function setUp({ client, metadataClient }: Settings, context: ReadContext): Promise<void> {
  for (const each of [client, metadataClient]) {
    if (each !== undefined) await new Requests(each).createTable(context);
  }
}

function endpointOf(accountName: string): string {
  // "Storage account overview": 3 to 24 lower-case letters and digits.
  if (typeof accountName === "string" && /^[a-z0-9]{3,24}$/.test(accountName)) {
    return `https://${accountName}.table.core.windows.net`;
  }
  throw invalid(
    "accountName must be the name of a storage account, 3 to 24 small letters and digits; or give endpoint.",
  );
}
