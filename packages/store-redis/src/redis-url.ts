import { invalid } from "@chatkeep/chat-store-core/backend";
import type { RedisOptions } from "ioredis";

const forms =
  "redis://, rediss://, unix:// or redis+sentinel://, as in redis://user:password@localhost:6379/0, unix:///run/redis.sock?db=0 or redis+sentinel://localhost:26379/mymaster/0";

/** What a URL says, as options of ioredis. No error holds a part of it: it may have a password. */
export function parseRedisUrl(text: string): RedisOptions {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(`redisUrl must be a URL that begins with ${forms}.`);
  }
  const scheme = url.protocol.slice(0, -1);
  const credentials = { ...part("username", url.username), ...part("password", url.password) };
  const query = [...url.searchParams.keys()];
  if (query.some((name) => name !== "db" || scheme !== "unix")) {
    throw invalid("redisUrl has parameters that the store does not know. Give what they say as redisOptions.");
  }
  switch (scheme) {
    case "redis":
    case "rediss":
      return { ...address(url, 6379), ...credentials, ...database(url.pathname.slice(1)), ...tls(scheme) };
    case "unix":
      return { path: decode(url.pathname), ...credentials, ...database(url.searchParams.get("db") ?? "") };
    case "redis+sentinel":
    case "rediss+sentinel": {
      // As LlamaIndex Python reads it: the name of the service, then the database; one user for both.
      const [, name = "", db = ""] = url.pathname.split("/");
      return {
        sentinels: [address(url, 26_379)],
        name: decode(name) || "mymaster",
        ...credentials,
        ...(url.username === "" ? {} : { sentinelUsername: decode(url.username) }),
        ...(url.password === "" ? {} : { sentinelPassword: decode(url.password) }),
        ...database(db),
        ...tls(scheme),
        ...(scheme === "rediss+sentinel" ? { enableTLSForSentinelMode: true } : {}),
      };
    }
    default:
      throw invalid(`redisUrl must begin with ${forms}.`);
  }
}

function address(url: URL, port: number): { host: string; port: number } {
  return { host: url.hostname.replace(/^\[|\]$/g, "") || "localhost", port: Number(url.port || port) };
}

function part(name: "username" | "password", encoded: string): RedisOptions {
  return encoded === "" ? {} : { [name]: decode(encoded) };
}

function database(text: string): RedisOptions {
  if (text === "") return {};
  if (!/^\d{1,6}$/.test(text))
    throw invalid("The database in redisUrl must be a number, as in redis://localhost:6379/0.");
  return { db: Number(text) };
}

function tls(scheme: string): RedisOptions {
  return scheme.startsWith("rediss") ? { tls: {} } : {};
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("redisUrl holds a % that begins no escape. Write %25 for it.");
  }
}
