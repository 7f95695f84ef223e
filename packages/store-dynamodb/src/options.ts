import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import {
  type CommonOptions,
  checkClientAlone,
  checkOptionNames,
  invalid,
  oneOf,
  ttlMilliseconds,
} from "@chatkeep/chat-store-core/backend";
import { headAttributes, indexName, rowKey, shardAttribute } from "./table.js";

/** How conversations are kept in a table: see the README. */
export type DynamoDBLayout = "chatkeep" | "llamaindex";

/** The part of a `DynamoDBClient` (or `DynamoDB`) that is used, so that one of another copy of the SDK fits too. */
export type DynamoDBClientLike = Pick<DynamoDBClient, "send">;

interface TableOptions extends CommonOptions {
  /** Name or ARN of the table. */
  tableName: string;
  /** The table's partition key: by default `"SessionId"`. */
  primaryKey?: string | undefined;
  /** A conversation expires this long after its last write, in seconds; never when absent. */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's short name of `ttlSeconds`. */
  ttl?: number | undefined;
  /** The attribute with the time at which DynamoDB may delete an item: by default `"TTL"`. */
  ttlAttribute?: string | undefined;
  /** By default the table's key schema decides: only a partition key is `"llamaindex"`, a sort key too is `"chatkeep"`. */
  layout?: DynamoDBLayout | undefined;
  /** Whether the first operation makes the table if there is none: by default not, since that costs money and time. */
  autoSetup?: boolean | undefined;
}

/** Credentials or where they come from, as the SDK takes them. */
export type DynamoDBCredentials = NonNullable<DynamoDBClientConfig["credentials"]>;

interface OwnClient {
  client?: undefined;
  /** By default as the SDK finds it: `AWS_REGION`, or the profile's. */
  region?: string | undefined;
  /** A profile of the shared configuration files; by default `AWS_PROFILE`, or `default`. */
  profile?: string | undefined;
  /** By default as the SDK finds them: environment, shared files, SSO, web identity, container or instance role. */
  credentials?: DynamoDBCredentials | undefined;
  /** Another address than the region's own, for DynamoDB Local or a VPC endpoint. */
  endpoint?: string | undefined;
  /** LlamaIndex's name of `region`. */
  regionName?: string | undefined;
  /** LlamaIndex's name of `profile`. */
  profileName?: string | undefined;
  /** LlamaIndex's names of what makes up `credentials`. */
  awsAccessKeyId?: string | undefined;
  awsSecretAccessKey?: string | undefined;
  awsSessionToken?: string | undefined;
}

interface InjectedClient {
  /** A client that the application made, and closes. */
  client: DynamoDBClientLike;
  region?: undefined;
  profile?: undefined;
  credentials?: undefined;
  endpoint?: undefined;
  regionName?: undefined;
  profileName?: undefined;
  awsAccessKeyId?: undefined;
  awsSecretAccessKey?: undefined;
  awsSessionToken?: undefined;
}

/** A client, or what one is made from; never both. */
export type DynamoDBChatStoreOptions = TableOptions & (OwnClient | InjectedClient);

/** Options that were checked, with their defaults. */
export interface Settings {
  table: string;
  primaryKey: string;
  ttlAttribute: string;
  ttlMs: number | undefined;
  layout: DynamoDBLayout | undefined;
  autoSetup: boolean;
  /** The client that was handed in; otherwise one is to be made of `connection`. */
  client: DynamoDBClientLike | undefined;
  connection: Connection;
}

/** What the store's own client is made from. */
export interface Connection {
  region?: string | undefined;
  profile?: string | undefined;
  credentials?: DynamoDBCredentials | undefined;
  endpoint?: string | undefined;
}

const connectionOptions = [
  "region",
  "profile",
  "credentials",
  "endpoint",
  "regionName",
  "profileName",
  "awsAccessKeyId",
  "awsSecretAccessKey",
  "awsSessionToken",
] as const;

const tableOptions = [
  "tableName",
  "primaryKey",
  "ttlSeconds",
  "ttl",
  "ttlAttribute",
  "layout",
  "autoSetup",
  "timeoutMs",
  "maxRetries",
] as const;

/** Throws `INVALID_ARGUMENT` for what is wrong in itself or together. No text of it holds a value that may be secret. */
export function checkOptions(options: DynamoDBChatStoreOptions): Settings {
  checkOptionNames(options, ["client", ...tableOptions, ...connectionOptions]);
  const { tableName, primaryKey = "SessionId", ttlAttribute = "TTL", layout, autoSetup = false, client } = options;
  // API reference, TableName: a name of 3 to 255 of these characters, or an ARN.
  if (typeof tableName !== "string" || !/^(?:[\w.-]{3,255}|arn:[^\s]{1,1000}:table\/[\w.-]{3,255})$/.test(tableName)) {
    throw invalid("tableName must be the name of a table (3 to 255 letters, digits, `_`, `-` and `.`) or its ARN.");
  }
  checkAttribute("primaryKey", primaryKey);
  checkAttribute("ttlAttribute", ttlAttribute);
  if (primaryKey === ttlAttribute) throw invalid("primaryKey and ttlAttribute must be two attributes.");
  if (layout !== undefined && layout !== "chatkeep" && layout !== "llamaindex") {
    throw invalid('layout must be "chatkeep" or "llamaindex", or absent: then the table decides.');
  }
  if (typeof autoSetup !== "boolean") throw invalid("autoSetup must be true or false.");

  if (client !== undefined && (typeof client !== "object" || typeof client?.send !== "function")) {
    throw invalid("client must be a DynamoDBClient of @aws-sdk/client-dynamodb.");
  }
  checkClientAlone("client", options, connectionOptions);
  return {
    table: tableName,
    primaryKey,
    ttlAttribute,
    ttlMs: ttlMilliseconds(options),
    layout,
    autoSetup,
    client,
    connection: checkConnection(options),
  };
}

function checkConnection(options: DynamoDBChatStoreOptions): Connection {
  for (const name of connectionOptions) {
    if (name === "credentials" || options[name] === undefined) continue;
    if (typeof options[name] !== "string" || options[name] === "") throw invalid(`${name} must be text.`);
  }
  const { credentials, endpoint } = options;
  const { awsAccessKeyId: accessKeyId, awsSecretAccessKey: secretAccessKey, awsSessionToken: sessionToken } = options;
  if (endpoint !== undefined && !/^https?:\/\/[^@]+$/.test(endpoint)) {
    throw invalid("endpoint must be an http or https URL without credentials in it.");
  }
  if (credentials !== undefined && typeof credentials !== "object" && typeof credentials !== "function") {
    throw invalid("credentials must be an object with accessKeyId and secretAccessKey, or a provider of the SDK.");
  }
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw invalid("awsAccessKeyId and awsSecretAccessKey belong together.");
  }
  if (sessionToken !== undefined && accessKeyId === undefined) {
    throw invalid("awsSessionToken needs awsAccessKeyId and awsSecretAccessKey.");
  }
  const keys =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  if (keys !== undefined && credentials !== undefined) {
    throw invalid("credentials and awsAccessKeyId exclude each other.");
  }
  return {
    region: oneOf("region", options.region, "regionName", options.regionName),
    profile: oneOf("profile", options.profile, "profileName", options.profileName),
    credentials: credentials ?? keys,
    endpoint,
  };
}

/** Attributes that the layouts use for themselves. */
const reserved: readonly string[] = [
  rowKey,
  shardAttribute,
  indexName,
  ...Object.values(headAttributes),
  "Body",
  "Parts",
  "Origin",
  "History",
  "Chatkeep",
];

function checkAttribute(option: string, name: unknown): void {
  // Developer Guide, naming rules: key attributes have 1 to 255 characters.
  if (typeof name !== "string" || name === "" || name.length > 255) {
    throw invalid(`${option} must be the name of an attribute, of 1 to 255 characters.`);
  }
  if (reserved.includes(name)) throw invalid(`${option} must not be ${name}, which the store uses itself.`);
}
