import { randomUUID } from "node:crypto";
import type { OwnServer, ServerInfo } from "../server.js";
import type { Finding, ServerKind } from "../server-kind.js";
import { upstashFront, upstashUrl, upstashUsers } from "../upstash-front.js";
import { type RedisOptions, redis, startRedis } from "./redis.js";

export interface UpstashOptions extends Pick<RedisOptions, "durable" | "maxMemory" | "settings"> {
  /** Of a request's body, and of what one command answers; 10 MB by default. */
  readonly maxRequestBytes?: number;
  /** What the standard token may do, as a rule of Redis's ACL; everything by default. */
  readonly permissions?: string;
}

export interface UpstashServer extends OwnServer {
  readonly token: string;
  readonly readOnlyToken: string;
  /** The Redis behind, for a look at what is stored. */
  readonly redisUrl: string;
}

const VARIABLE = "UPSTASH_URL";

/**
 * A redis-server of the test's own behind Upstash's REST protocol. Not like the service: one region, no limits but the
 * request's size, and Redis's own Lua.
 */
export async function startUpstash(options: UpstashOptions = {}): Promise<UpstashServer> {
  const { maxRequestBytes, permissions, ...redisOptions } = options;
  const tokens = { token: `full-${randomUUID()}`, readOnlyToken: `readonly-${randomUUID()}` };
  const behind = await startRedis({ ...redisOptions, acl: upstashUsers(tokens, permissions) });
  const front = await upstashFront({
    ...tokens,
    redis: behind,
    ...(maxRequestBytes === undefined ? {} : { maxRequestBytes }),
  });
  return {
    ...tokens,
    name: "upstash",
    host: behind.host,
    port: front.port,
    ports: [front.port, behind.port],
    url: upstashUrl(front.port),
    redisUrl: behind.url.replace("//", `//:${tokens.token}@`),
    managed: true,
    get pid() {
      return behind.pid;
    },
    output: () => behind.output(),
    async kill() {
      await behind.kill();
      front.disconnect();
    },
    async restart() {
      front.disconnect();
      await behind.restart();
    },
    async stop() {
      await front.close();
      await behind.stop();
    },
  };
}

export const upstash: ServerKind = {
  name: "upstash",
  variable: VARIABLE,

  async find(): Promise<Finding> {
    const url = process.env[VARIABLE];
    const { own } = await redis.find();
    return { ...(url === undefined || url === "" ? {} : { given: url }), own };
  },

  async use(url): Promise<ServerInfo> {
    const token = process.env.UPSTASH_TOKEN;
    if (token === undefined || token === "") throw new Error(`${VARIABLE} is set, UPSTASH_TOKEN is not`);
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new Error(`${VARIABLE} is not a URL`);
    }
    const ping = { method: "POST", headers: { authorization: `Bearer ${token}` }, body: '["PING"]' };
    const reply = await fetch(parsed, { ...ping, signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    if (reply?.ok !== true) throw new Error(`${VARIABLE} is set, but ${parsed.host} does not answer to UPSTASH_TOKEN`);
    const port = Number(parsed.port || (parsed.protocol === "https:" ? 443 : 80));
    return { name: "upstash", host: parsed.hostname, port, url: parsed.origin, managed: false, token };
  },

  start: () => startUpstash(),
};
