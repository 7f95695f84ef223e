import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { Connection } from "./options.js";

/** Of ioredis, for the store's own client; what the application sets goes before. */
const defaults: RedisOptions = {
  connectTimeout: 3_000,
  // A connection on which nothing comes back is given up, so that a request into the void is sent again.
  socketTimeout: 10_000,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1_000),
  // A primary that has become a replica: the next connection finds the new one.
  reconnectOnError: (error) => error.message.startsWith("READONLY"),
};

/** The store sends again what failed, and knows what may have been applied; ioredis would keep it from knowing. */
const fixed = {
  autoResendUnfulfilledCommands: false,
  // With 1 or more a request whose connection is lost would never be settled (ioredis 6.0.0).
  maxRetriesPerRequest: 0,
  replyMapping: "legacy",
} as const;

const lazy = { lazyConnect: true, enableOfflineQueue: false };

/** Makes a client that connects when it is first used. */
export function newClient({ redis, cluster }: Connection): Redis | Cluster {
  const client =
    cluster === undefined
      ? new Redis({ ...defaults, ...redis, ...fixed, ...lazy })
      : new Cluster([...cluster.nodes], {
          slotsRefreshTimeout: 3_000,
          ...cluster.options,
          ...lazy,
          // Replicas are behind.
          scaleReads: "master",
          redisOptions: { ...defaults, ...cluster.options.redisOptions, ...redis, ...fixed },
        });
  // Without a listener ioredis writes to the console. Who waits for the connection hears of it.
  client.on("error", () => {});
  return client;
}
