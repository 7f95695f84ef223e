import type { ServerKind } from "./server-kind.js";
import { azurite } from "./servers/azurite.js";
import { chromium } from "./servers/chromium.js";
import { dynamodb } from "./servers/dynamodb.js";
import { pgbouncer } from "./servers/pgbouncer.js";
import { postgres, postgres15 } from "./servers/postgres.js";
import { redis } from "./servers/redis.js";
import { tablestore } from "./servers/tablestore.js";
import { upstash } from "./servers/upstash.js";

/** Every server that a project can ask for by name. */
export const serverKinds = {
  azurite,
  chromium,
  dynamodb,
  pgbouncer,
  postgres,
  "postgres-15": postgres15,
  redis,
  tablestore,
  upstash,
} satisfies Record<string, ServerKind>;

export type ServerName = keyof typeof serverKinds;
