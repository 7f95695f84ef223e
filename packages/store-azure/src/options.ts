import {
  AzureNamedKeyCredential,
  AzureSASCredential,
  type NamedKeyCredential,
  TableClient,
  type TableServiceClientOptions,
} from "@azure/data-tables";
import {
  type CommonOptions,
  chatStoreError,
  checkClientAlone,
  checkOptionNames,
  invalid,
  ttlMilliseconds,
} from "@chatkeep/chat-store-core/backend";

/** How conversations are kept in tables: see the README. */
export type AzureLayout = "chatkeep" | "llamaindex";

/** The service behind the endpoint: Azure Table Storage, or Cosmos DB for Table. */
export type AzureServiceMode = "storage" | "cosmos";

/** The part of a `TableClient` that is used, so that one of another copy of the SDK fits too. */
export type TableClientLike = Pick<
  TableClient,
  | "url"
  | "tableName"
  | "pipeline"
  | "getEntity"
  | "listEntities"
  | "createEntity"
  | "updateEntity"
  | "upsertEntity"
  | "deleteEntity"
  | "submitTransaction"
  | "createTable"
>;

/** A `TokenCredential`, as those of `@azure/identity` are. */
export interface AzureTokenCredential {
  getToken(scopes: string | string[], options?: object): Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

/** A shared access signature. */
export interface AzureSignature {
  signature: string;
}

/** An account's name and key, a shared access signature, or a token. */
export type AzureCredential = NamedKeyCredential | AzureSignature | AzureTokenCredential;

/** What a `TableClient` takes besides, as proxies and policies. Retries are the store's own: `maxRetries`. */
export type AzureClientOptions = Omit<TableServiceClientOptions, "endpoint" | "retryOptions">;

export interface AzureTableOptions extends CommonOptions {
  /** The table of the messages: by default `"ChatkeepMessages"`, or `"ChatMessages"` in the layout "llamaindex". */
  chatTableName?: string | undefined;
  /** Layout "llamaindex" only: the table of the keys, by default `"ChatMetadata"`. */
  metadataTableName?: string | undefined;
  /** Layout "llamaindex" only: the partition of the keys, by default the chat table's name. */
  metadataPartitionKey?: string | undefined;
  /** By default as the endpoint's host says. */
  serviceMode?: AzureServiceMode | undefined;
  /** A conversation expires this long after its last write, in seconds; never when absent. Layout "chatkeep" only. */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's short name of `ttlSeconds`. */
  ttl?: number | undefined;
  /** `"chatkeep"` by default. */
  layout?: AzureLayout | undefined;
  /** Whether the first operation makes the tables if there are none: by default it does. */
  autoSetup?: boolean | undefined;
}

/** What the store's own client is made from, besides the way of authentication. */
export interface AzureConnectionOptions {
  /** What a `TableClient` takes besides. `allowInsecureConnection` is needed for http beyond this machine. */
  clientOptions?: AzureClientOptions | undefined;
}

interface ByConnectionString extends AzureConnectionOptions {
  client?: undefined;
  metadataClient?: undefined;
  connectionString: string;
  endpoint?: undefined;
  credential?: undefined;
}

interface ByEndpoint extends AzureConnectionOptions {
  client?: undefined;
  metadataClient?: undefined;
  connectionString?: undefined;
  /** As in `https://<account>.table.core.windows.net`. */
  endpoint: string;
  credential: AzureCredential;
}

interface ByClient {
  /** A client of the table of the messages, which the application made. Its way to authenticate and to retry is used. */
  client: TableClientLike;
  /** Layout "llamaindex" only: a client of the table of the keys. */
  metadataClient?: TableClientLike | undefined;
  chatTableName?: undefined;
  metadataTableName?: undefined;
  connectionString?: undefined;
  endpoint?: undefined;
  credential?: undefined;
  clientOptions?: undefined;
}

/** Clients, or what they are made from; never both. */
export type AzureChatStoreOptions =
  | (AzureTableOptions & (ByConnectionString | ByEndpoint))
  | (Omit<AzureTableOptions, "chatTableName" | "metadataTableName"> & ByClient);

/** Options that were checked, with their defaults. */
export interface Settings {
  layout: AzureLayout;
  /** Of the messages. */
  client: TableClientLike;
  /** Of the keys, in the layout "llamaindex". */
  metadataClient: TableClientLike | undefined;
  metadataPartition: string;
  mode: AzureServiceMode;
  ttlMs: number | undefined;
  autoSetup: boolean;
}

const connectionOptions = ["connectionString", "endpoint", "credential", "clientOptions"] as const;
const clientOptions = [...connectionOptions, "chatTableName", "metadataTableName"] as const;

const knownOptions = [
  "client",
  "metadataClient",
  ...clientOptions,
  "metadataPartitionKey",
  "serviceMode",
  "ttlSeconds",
  "ttl",
  "layout",
  "autoSetup",
  "timeoutMs",
  "maxRetries",
] as const;

/** Throws `INVALID_ARGUMENT` or `UNSUPPORTED` for what is wrong in itself or together. No text of it holds a secret. */
export function checkOptions(options: AzureChatStoreOptions): Settings {
  checkOptionNames(options, knownOptions);
  checkClientAlone("client", options, clientOptions);
  const { layout = "chatkeep", autoSetup = true, serviceMode } = options;
  if (layout !== "chatkeep" && layout !== "llamaindex") throw invalid('layout must be "chatkeep" or "llamaindex".');
  if (typeof autoSetup !== "boolean") throw invalid("autoSetup must be true or false.");
  if (serviceMode !== undefined && serviceMode !== "storage" && serviceMode !== "cosmos") {
    throw invalid('serviceMode must be "storage" or "cosmos", or absent: then the endpoint decides.');
  }
  const ttlMs = ttlMilliseconds(options);
  if (layout === "llamaindex" && ttlMs !== undefined) {
    throw chatStoreError(
      "UNSUPPORTED",
      'The layout "llamaindex" has no expiry: leave ttlSeconds out, or take "chatkeep".',
    );
  }
  if (layout === "chatkeep") {
    const foreign = (["metadataClient", "metadataTableName", "metadataPartitionKey"] as const).find(
      (name) => options[name] !== undefined,
    );
    if (foreign !== undefined) {
      throw chatStoreError("UNSUPPORTED", `${foreign} is of the layout "llamaindex": "chatkeep" has one table only.`);
    }
  }

  const { client, metadataClient } = options.client === undefined ? makeClients(options, layout) : options;
  checkClient("client", client);
  if (layout === "llamaindex") checkClient("metadataClient", metadataClient);
  const { metadataPartitionKey = client.tableName } = options;
  if (typeof metadataPartitionKey !== "string" || !/^[^/\\#?\p{Cc}\p{Surrogate}]{1,512}$/u.test(metadataPartitionKey)) {
    throw invalid("metadataPartitionKey must be text of 1 to 512 characters without `/`, `\\`, `#`, `?` and controls.");
  }
  return {
    layout,
    client,
    metadataClient,
    metadataPartition: metadataPartitionKey,
    mode: serviceMode ?? (/\.table\.cosmos(?:db)?\./.test(new URL(client.url).hostname) ? "cosmos" : "storage"),
    ttlMs,
    autoSetup,
  };
}

function makeClients(options: AzureTableOptions & (ByConnectionString | ByEndpoint), layout: AzureLayout) {
  const byDefault = layout === "chatkeep" ? "ChatkeepMessages" : "ChatMessages";
  const { chatTableName = byDefault, metadataTableName = "ChatMetadata", clientOptions = {} } = options;
  checkTableName("chatTableName", chatTableName);
  checkTableName("metadataTableName", metadataTableName);
  if (typeof clientOptions !== "object" || clientOptions === null || "retryOptions" in clientOptions) {
    throw invalid(
      "clientOptions must be options of a TableClient without retryOptions: retries are set by maxRetries.",
    );
  }
  const connect = connector(options);
  const make = (table: string) => {
    // The store sends again what failed, and knows what may have been applied.
    const settings = { ...clientOptions, retryOptions: { maxRetries: 0 } };
    const made = connect(table, settings);
    const { protocol, hostname } = new URL(made.url);
    if (protocol === "https:" || clientOptions.allowInsecureConnection === true) return made;
    if (/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) {
      return connect(table, { ...settings, allowInsecureConnection: true });
    }
    throw invalid(
      "The endpoint is not https. For http beyond this machine give clientOptions.allowInsecureConnection.",
    );
  };
  return {
    client: make(chatTableName),
    metadataClient: layout === "llamaindex" ? make(metadataTableName) : undefined,
  };
}

type Connect = (table: string, settings: TableServiceClientOptions) => TableClient;

function connector({ connectionString, endpoint, credential }: ByConnectionString | ByEndpoint): Connect {
  if ((connectionString === undefined) === (endpoint === undefined)) {
    throw invalid("Give a client, or a connectionString, or an endpoint and a credential.");
  }
  if (connectionString !== undefined) {
    if (credential !== undefined) throw invalid("credential belongs to endpoint: a connectionString has its own.");
    return (table, settings) => {
      try {
        return TableClient.fromConnectionString(connectionString, table, settings);
      } catch {
        // What the SDK says may quote it.
        throw invalid(
          "connectionString is none of a storage account or Cosmos DB for Table. Copy it whole from the portal.",
        );
      }
    };
  }
  if (typeof endpoint !== "string" || !/^https?:\/\/[^@?#\s]+$/.test(endpoint)) {
    throw invalid("endpoint must be an http or https URL without credentials in it; give a SAS as the credential.");
  }
  if (isNamedKey(credential)) {
    const known = new AzureNamedKeyCredential(credential.name, credential.key);
    return (table, settings) => new TableClient(endpoint, table, known, settings);
  }
  if (isSignature(credential)) {
    const known = new AzureSASCredential(credential.signature);
    return (table, settings) => new TableClient(endpoint, table, known, settings);
  }
  if (isTokenCredential(credential)) return (table, settings) => new TableClient(endpoint, table, credential, settings);
  throw invalid(
    "credential must be a name and key, a shared access signature, or a TokenCredential of @azure/identity.",
  );
}

function isNamedKey(credential: AzureCredential): credential is NamedKeyCredential {
  return isObject(credential) && isText(credential, "name") && isText(credential, "key");
}

function isSignature(credential: AzureCredential): credential is AzureSignature {
  return isObject(credential) && isText(credential, "signature");
}

function isTokenCredential(credential: AzureCredential): credential is AzureTokenCredential {
  return isObject(credential) && "getToken" in credential && typeof credential.getToken === "function";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isText(object: object, member: string): boolean {
  const value: unknown = Reflect.get(object, member);
  return typeof value === "string" && value !== "";
}

function checkTableName(option: string, name: unknown): void {
  // "Understanding the Table service data model": 3 to 63 letters and digits, and a letter first.
  if (typeof name === "string" && /^[A-Za-z][A-Za-z0-9]{2,62}$/.test(name) && name.toLowerCase() !== "tables") return;
  throw invalid(`${option} must have 3 to 63 letters and digits, a letter first, and not be "tables".`);
}

function checkClient(option: string, client: TableClientLike | undefined): asserts client is TableClientLike {
  if (isObject(client) && isText(client, "url") && isText(client, "tableName") && isObject(client.pipeline)) return;
  throw invalid(`${option} must be a TableClient of @azure/data-tables, of the table that it is for.`);
}
