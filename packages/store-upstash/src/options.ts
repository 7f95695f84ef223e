import {
  type CommonOptions,
  checkClientAlone,
  checkOptionNames,
  invalid,
  ttlMilliseconds,
} from "@chatkeep/chat-store-core/backend";
import { checkNames } from "@chatkeep/redis-layouts";

/** How conversations are kept in the database: see the README. */
export type UpstashLayout = "chatkeep" | "llamaindex";

/** The part of a `Redis` of @upstash/redis that is used, so that one of another version or platform fits too. */
export interface UpstashClientLike {
  pipeline(): {
    eval(script: string, keys: string[], args: string[]): unknown;
    evalsha(hash: string, keys: string[], args: string[]): unknown;
    exec(options: { keepErrors: true }): Promise<unknown>;
  };
}

interface StoreOptions extends CommonOptions {
  /** A conversation expires this long after its last write, in seconds; never when absent. */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's short name of `ttlSeconds`. */
  ttl?: number | undefined;
  /** Before every name in Redis: by default `"chatkeep:"`, and nothing in the layout "llamaindex". No braces. */
  keyPrefix?: string | undefined;
  /** By default `"chatkeep"`. */
  layout?: UpstashLayout | undefined;
}

interface OwnClient {
  client?: undefined;
  /** The database's REST URL, as in `UPSTASH_REDIS_REST_URL`. */
  redisUrl: string;
  /** Its REST token, as in `UPSTASH_REDIS_REST_TOKEN`; not the read-only one. */
  redisToken: string;
  /** Whether the SDK tells Upstash the runtime, the platform and its version with each request: by default not. */
  enableTelemetry?: boolean | undefined;
}

interface InjectedClient {
  /** A client that the application made, with whatever settings. */
  client: UpstashClientLike;
  redisUrl?: undefined;
  redisToken?: undefined;
  enableTelemetry?: undefined;
}

/** A client, or what one is made from; never both. */
export type UpstashChatStoreOptions = StoreOptions & (OwnClient | InjectedClient);

/** Options beside a URL and a token that are found in the environment. */
export interface UpstashEnvironmentOptions extends StoreOptions {
  enableTelemetry?: boolean | undefined;
  /** Where the variables are: by default `process.env`. In a worker, the `env` that comes with a request. */
  env?: Readonly<Record<string, unknown>> | undefined;
}

/** Options that were checked, with their defaults. */
export interface Settings {
  layout: UpstashLayout;
  keyPrefix: string;
  ttlMs: number | undefined;
  /** The client that was handed in, or what one is to be made from. */
  client: UpstashClientLike | Connection;
}

/** What the store's own client is made from. */
export interface Connection {
  url: string;
  token: string;
  enableTelemetry: boolean;
}

const connectionOptions = ["redisUrl", "redisToken", "enableTelemetry"] as const;
const storeOptions = ["ttlSeconds", "ttl", "keyPrefix", "layout", "timeoutMs", "maxRetries"] as const;

/** Throws `INVALID_ARGUMENT` for what is wrong in itself or together. No text of it holds a value that may be secret. */
export function checkOptions(options: UpstashChatStoreOptions): Settings {
  checkOptionNames(options, ["client", ...connectionOptions, ...storeOptions]);
  const { client } = options;
  if (client !== undefined && typeof client?.pipeline !== "function") {
    throw invalid("client must be a Redis of @upstash/redis.");
  }
  checkClientAlone("client", options, connectionOptions);
  return {
    ...checkNames(options),
    ttlMs: ttlMilliseconds(options),
    client: client ?? checkConnection(options as OwnClient),
  };
}

function checkConnection({ redisUrl, redisToken, enableTelemetry = false }: Partial<OwnClient>): Connection {
  if (redisUrl === undefined || redisToken === undefined) {
    throw invalid("Give redisUrl and redisToken, the database's REST URL and token, or a client.");
  }
  if (typeof redisUrl !== "string" || !/^https?:\/\/[^\s@#?]+$/.test(redisUrl)) {
    throw invalid(
      "redisUrl must be the database's REST URL, as in https://….upstash.io; not one of redis:// or rediss://.",
    );
  }
  if (typeof redisToken !== "string" || !/^[\x21-\x7e]+$/.test(redisToken)) {
    throw invalid("redisToken must be the database's REST token: ASCII, without blanks.");
  }
  if (typeof enableTelemetry !== "boolean") throw invalid("enableTelemetry must be true or false.");
  return { url: redisUrl, token: redisToken, enableTelemetry };
}

/** Names of variables, as Upstash and Vercel set them. */
const urlVariables = ["UPSTASH_REDIS_REST_URL", "KV_REST_API_URL"];
const tokenVariables = ["UPSTASH_REDIS_REST_TOKEN", "KV_REST_API_TOKEN"];

/** Throws `INVALID_ARGUMENT` when a variable is missing. */
export function fromEnvironment({ env, ...options }: UpstashEnvironmentOptions): UpstashChatStoreOptions {
  // Not every runtime has a `process`.
  const { process } = globalThis as { process?: { env?: Readonly<Record<string, unknown>> } };
  const variables = env ?? process?.env ?? {};
  const read = (names: readonly string[]) => {
    const value = names.map((name) => variables[name]).find((each) => typeof each === "string" && each !== "");
    if (typeof value === "string") return value;
    throw invalid(`There is no variable ${names.join(" or ")}. In a worker, give its \`env\`.`);
  };
  return { ...options, redisUrl: read(urlVariables), redisToken: read(tokenVariables) };
}
