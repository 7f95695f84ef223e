import type { ServerKind } from "./server-kind.js";
import { dynamodb } from "./servers/dynamodb.js";
import { redis } from "./servers/redis.js";

/** Every server that a project can ask for by name. */
export const serverKinds = { dynamodb, redis } satisfies Record<string, ServerKind>;

export type ServerName = keyof typeof serverKinds;
