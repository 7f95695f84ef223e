import type { Histories } from "./histories.js";
import { onPostgres } from "./on-postgres.js";
import { onRedis } from "./on-redis.js";
import type { Bench } from "./row.js";

const databases = { redis: onRedis, postgres: onPostgres };

export interface OnDatabase {
  readonly store: keyof typeof databases;
  readonly all: Histories[];
}

/** All that is compared on Redis and on Postgres, as far as they are wanted: each database in its turn, and then closed. */
export async function* onDatabases({ servers, load, wants }: Bench): AsyncGenerator<OnDatabase> {
  for (const store of ["redis", "postgres"] as const) {
    if (!wants(store)) continue;
    const all = await databases[store]((await servers.get(store)).url, load);
    try {
      yield { store, all };
    } finally {
      for (const each of all) await each.close();
    }
  }
}
