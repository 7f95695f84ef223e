import {
  type CommonOptions,
  checkClientAlone,
  checkOptionNames,
  invalid,
  ttlMilliseconds,
} from "@chatkeep/chat-store-core/backend";
import type { TablestoreClientLike } from "./sdk.js";
import { rowsSuffix } from "./table.js";

/** How conversations are kept in tables: see the README. */
export type TablestoreLayout = "chatkeep" | "llamaindex";

interface TableOptions extends CommonOptions {
  /** By default `"chatkeep"`; in the layout "llamaindex" `"llama_index_chat_store_v1"`, as in LlamaIndex. */
  tableName?: string | undefined;
  /** A conversation expires this long after its last write, in seconds; never when absent. */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's short name of `ttlSeconds`. */
  ttl?: number | undefined;
  /** By default `"chatkeep"`. */
  layout?: TablestoreLayout | undefined;
  /** Whether the first operation makes the tables if there are none: by default not, since that takes up to a minute. */
  autoSetup?: boolean | undefined;
}

interface OwnClient {
  client?: undefined;
  /** URL of the instance: `https://<instance>.<region>.ots.aliyuncs.com`. */
  endpoint: string;
  instanceName: string;
  accessKeyId: string;
  accessKeySecret: string;
  /** Of temporary credentials (STS). */
  securityToken?: string | undefined;
}

interface InjectedClient {
  /** A `TableStore.Client` that the application made. */
  client: TablestoreClientLike;
  endpoint?: undefined;
  instanceName?: undefined;
  accessKeyId?: undefined;
  accessKeySecret?: undefined;
  securityToken?: undefined;
}

/** A client, or what one is made from; never both. */
export type TablestoreChatStoreOptions = TableOptions & (OwnClient | InjectedClient);

/** What the store's own client is made from. */
export interface Connection {
  endpoint: string;
  instanceName: string;
  accessKeyId: string;
  accessKeySecret: string;
  securityToken: string | undefined;
}

/** Options that were checked, with their defaults. */
export interface Settings {
  table: string;
  ttlMs: number | undefined;
  layout: TablestoreLayout;
  autoSetup: boolean;
  /** The client that was handed in, or what one is to be made of. */
  client: TablestoreClientLike | Connection;
}

const connectionOptions = ["endpoint", "instanceName", "accessKeyId", "accessKeySecret", "securityToken"] as const;
const tableOptions = ["tableName", "ttlSeconds", "ttl", "layout", "autoSetup", "timeoutMs", "maxRetries"] as const;

const defaultTables: Record<TablestoreLayout, string> = {
  chatkeep: "chatkeep",
  llamaindex: "llama_index_chat_store_v1",
};

/** Throws `INVALID_ARGUMENT` for what is wrong in itself or together. No text of it holds a value that may be secret. */
export function checkOptions(options: TablestoreChatStoreOptions): Settings {
  checkOptionNames(options, ["client", ...tableOptions, ...connectionOptions]);
  const { layout = "chatkeep", autoSetup = false, client } = options;
  if (layout !== "chatkeep" && layout !== "llamaindex") throw invalid('layout must be "chatkeep" or "llamaindex".');
  if (typeof autoSetup !== "boolean") throw invalid("autoSetup must be true or false.");
  const { tableName = defaultTables[layout] } = options;
  checkTableName(tableName, layout);
  checkClientAlone("client", options, connectionOptions);
  return {
    table: tableName,
    ttlMs: ttlMilliseconds(options),
    layout,
    autoSetup,
    client: client === undefined ? checkConnection(options) : checkClient(client),
  };
}

/** "Limits": names of tables have 1 to 255 letters, digits and `_`, and don't begin with a digit. */
function checkTableName(name: unknown, layout: TablestoreLayout): void {
  const most = layout === "chatkeep" ? 255 - rowsSuffix.length : 255;
  if (typeof name !== "string" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.length > most) {
    throw invalid(`tableName must have 1 to ${most} letters, digits and \`_\`, and must not begin with a digit.`);
  }
}

function checkClient(client: unknown): TablestoreClientLike {
  if (typeof client === "object" && client !== null && "getRow" in client && typeof client.getRow === "function") {
    return client as TablestoreClientLike;
  }
  throw invalid("client must be a TableStore.Client of the package tablestore.");
}

function checkConnection(options: TablestoreChatStoreOptions): Connection {
  const { endpoint, instanceName, accessKeyId, accessKeySecret, securityToken } = options;
  if (typeof endpoint !== "string" || !/^https?:\/\/[^@\s/]+\/?$/.test(endpoint)) {
    throw invalid("endpoint must be the http or https URL of the instance, without a path or credentials in it.");
  }
  return {
    // The SDK joins a path to it.
    endpoint: endpoint.replace(/\/$/, ""),
    instanceName: checkText("instanceName", instanceName),
    accessKeyId: checkText("accessKeyId", accessKeyId),
    accessKeySecret: checkText("accessKeySecret", accessKeySecret),
    securityToken: securityToken === undefined ? undefined : checkText("securityToken", securityToken),
  };
}

/** What goes into headers: no blanks, no line ends, nothing beyond ASCII. */
function checkText(name: string, value: unknown): string {
  if (typeof value === "string" && /^[\x21-\x7e]+$/.test(value)) return value;
  throw invalid(`${name} must be text of visible ASCII characters. Without a client it is required.`);
}
