import {
  type CommonOptions,
  checkClientAlone,
  checkOptionNames,
  invalid,
  ttlMilliseconds,
} from "@chatkeep/chat-store-core/backend";
import { checkNames } from "@chatkeep/redis-layouts";
import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis";
import { parseRedisUrl } from "./redis-url.js";

/** How conversations are kept: see the README. */
export type RedisLayout = "chatkeep" | "llamaindex";

/** The part of a `Redis` or `Cluster` of ioredis that is used, so that one of another copy or of version 5 fits too. */
export interface RedisClientLike {
  readonly status: string;
  readonly isCluster?: boolean | undefined;
  /** Of a `Redis`, while it is connected. */
  readonly stream?: { cork(): void; uncork(): void } | undefined;
  readonly options: {
    readonly keyPrefix?: string | undefined;
    readonly enableAutoPipelining?: boolean | undefined;
    readonly autoResendUnfulfilledCommands?: boolean | undefined;
    readonly redisOptions?: { readonly autoResendUnfulfilledCommands?: boolean | undefined } | undefined;
  };
  connect(): Promise<unknown>;
  call(command: string, args: (string | number)[]): Promise<unknown>;
  pipeline(commands: unknown[][]): { exec(): Promise<[Error | null, unknown][] | null> };
  on(event: string, listener: (error?: Error) => void): unknown;
  off(event: string, listener: (error?: Error) => void): unknown;
}

interface StoreOptions extends CommonOptions {
  /** A conversation expires this long after its last write, in seconds; never when absent. */
  ttlSeconds?: number | undefined;
  /** LlamaIndex's short name of `ttlSeconds`. */
  ttl?: number | undefined;
  /** Before every name in Redis: by default `"chatkeep:"`, and nothing in the layout "llamaindex". No braces. */
  keyPrefix?: string | undefined;
  /** By default `"chatkeep"`. */
  layout?: RedisLayout | undefined;
  /**
   * A call is answered when this many replicas have all that it wrote or shows, by `WAIT`: 0 by default. Fewer than that
   * within a second is `UNAVAILABLE`, of a write with an unknown outcome.
   */
  minReplicas?: number | undefined;
}

interface OwnClient {
  client?: undefined;
  /** By default `"redis://localhost:6379"`. */
  redisUrl?: string | undefined;
  /** Further options of ioredis, for TLS, Sentinel and the like; in a Cluster those of each node. */
  redisOptions?: RedisOptions | undefined;
  /** Some nodes of a Redis Cluster, by which the others are found. */
  clusterNodes?: readonly ClusterNode[] | undefined;
  /** Further options of ioredis for the Cluster. */
  clusterOptions?: ClusterOptions | undefined;
}

interface InjectedClient {
  /** A `Redis` or `Cluster` of ioredis 5 or 6 that the application made, and closes. */
  client: RedisClientLike;
  redisUrl?: undefined;
  redisOptions?: undefined;
  clusterNodes?: undefined;
  clusterOptions?: undefined;
}

/** A client, or what one is made from; never both. */
export type RedisChatStoreOptions = StoreOptions & (OwnClient | InjectedClient);

/** What the store's own client is made from. */
export interface Connection {
  redis: RedisOptions;
  cluster: { nodes: readonly ClusterNode[]; options: ClusterOptions } | undefined;
}

/** Options that were checked, with their defaults. */
export interface Settings {
  layout: RedisLayout;
  keyPrefix: string;
  ttlMs: number | undefined;
  minReplicas: number;
  /** The client that was handed in; otherwise one is to be made of `connection`. */
  client: RedisClientLike | undefined;
  connection: Connection;
}

const connectionOptions = ["redisUrl", "redisOptions", "clusterNodes", "clusterOptions"] as const;
const storeOptions = ["ttlSeconds", "ttl", "keyPrefix", "layout", "minReplicas", "timeoutMs", "maxRetries"] as const;

/** Throws `INVALID_ARGUMENT` for what is wrong in itself or together. No text of it holds a value that may be secret. */
export function checkOptions(options: RedisChatStoreOptions): Settings {
  checkOptionNames(options, ["client", ...storeOptions, ...connectionOptions]);
  const { client, minReplicas = 0 } = options;
  if (!Number.isInteger(minReplicas) || minReplicas < 0 || minReplicas > 100) {
    throw invalid("minReplicas must be a number of replicas, from 0 to 100.");
  }
  checkClientAlone("client", options, connectionOptions);
  if (client !== undefined) checkClient(client, minReplicas);
  return {
    ...checkNames(options),
    ttlMs: ttlMilliseconds(options),
    minReplicas,
    client,
    connection: client === undefined ? checkConnection(options) : { redis: {}, cluster: undefined },
  };
}

function checkClient(client: RedisClientLike, minReplicas: number): void {
  if (typeof client !== "object" || typeof client?.call !== "function" || typeof client.pipeline !== "function") {
    throw invalid("client must be a Redis or Cluster of ioredis.");
  }
  const { autoResendUnfulfilledCommands, redisOptions, keyPrefix = "" } = client.options;
  if (/[{}]/.test(keyPrefix)) throw invalid("The client's keyPrefix must have no braces: they would change slots.");
  const resends =
    client.isCluster === true ? redisOptions?.autoResendUnfulfilledCommands : autoResendUnfulfilledCommands;
  if (minReplicas > 0 && resends !== false) {
    const advice = "set its autoResendUnfulfilledCommands to false, with a finite maxRetriesPerRequest";
    throw invalid(`minReplicas can't be kept by a client that resends a WAIT on another connection: ${advice}.`);
  }
}

function checkConnection(options: OwnClient): Connection {
  const { redisUrl, redisOptions = {}, clusterNodes, clusterOptions } = options;
  if (typeof redisOptions !== "object" || redisOptions === null) throw invalid("redisOptions must be an object.");
  if (redisOptions.keyPrefix !== undefined && redisOptions.keyPrefix !== "") {
    throw invalid("Give keyPrefix to the store, not in redisOptions.");
  }
  if (clusterNodes !== undefined) {
    if (redisUrl !== undefined) throw invalid("redisUrl and clusterNodes exclude each other.");
    if (!Array.isArray(clusterNodes) || clusterNodes.length === 0) {
      throw invalid("clusterNodes must be a list of nodes, as in [{ host, port }].");
    }
    return { redis: redisOptions, cluster: { nodes: clusterNodes, options: clusterOptions ?? {} } };
  }
  if (clusterOptions !== undefined) throw invalid("clusterOptions need clusterNodes.");
  if (redisUrl !== undefined && typeof redisUrl !== "string") throw invalid("redisUrl must be text.");
  const { tls, ...fromUrl } = redisUrl === undefined ? ({} as RedisOptions) : parseRedisUrl(redisUrl);
  const merged = { ...redisOptions, ...fromUrl };
  return { redis: tls === undefined ? merged : { ...merged, tls: { ...redisOptions.tls } }, cluster: undefined };
}
