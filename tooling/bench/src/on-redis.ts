import { RedisChatStore } from "@chatkeep/chat-store-redis";
import { Redis } from "ioredis";
import { batches, type Histories, numbers, ofStore, plain, TTL_SECONDS, textOf } from "./histories.js";
import { type LangChainHistory, langChain } from "./langchain.js";
import { type MastraStore, mastra } from "./mastra.js";
import type { LoadPeer } from "./peers.js";
import { OURS, RAW } from "./results.js";
import { roleOf } from "./texts.js";

/** What can be done with ioredis alone: the fewest round trips, no promise but Redis's own. */
export function rawRedis(url: string): Histories {
  const client = new Redis(url);
  client.defineCommand("pushAndExpire", {
    numberOfKeys: 1,
    lua: 'redis.call("RPUSH", KEYS[1], unpack(ARGV, 2)) redis.call("PEXPIRE", KEYS[1], ARGV[1])',
  });
  const push = (client as unknown as Record<"pushAndExpire", (...args: (string | number)[]) => Promise<unknown>>)
    .pushAndExpire;
  const append = (key: string, all: number[]) =>
    push.call(client, `raw:${key}`, TTL_SECONDS * 1_000, ...all.map((number) => JSON.stringify(plain(number))));
  return {
    name: RAW,
    append: (key, number) => append(key, [number]),
    appendMany: (key, count) => append(key, numbers(count)),
    newest: async (key, count) =>
      (await client.lrange(`raw:${key}`, -count, -1)).map((text) => JSON.parse(text) as unknown),
    async fill(key, count) {
      for (const batch of batches(count, 1_000)) await append(key, numbers(batch));
    },
    close: async () => client.disconnect(),
  };
}

export const chatkeepRedis = (redisUrl: string) =>
  ofStore(new RedisChatStore({ redisUrl, ttlSeconds: TTL_SECONDS }), OURS);

interface OldRedis {
  disconnect(): void;
}
interface LangChainRedis {
  RedisChatMessageHistory: new (options: object) => LangChainHistory;
}
interface VercelState {
  createIoRedisState(options: object): {
    connect(): Promise<void>;
    appendToList(key: string, value: unknown, options: { ttlMs: number }): Promise<void>;
    getList(key: string): Promise<unknown[]>;
  };
}

export async function langChainRedis(url: string, load: LoadPeer): Promise<Histories> {
  const { Redis: OldClient } = await load<{ Redis: new (url: string) => OldRedis }>("ioredis");
  const { RedisChatMessageHistory } = await load<LangChainRedis>("@langchain/community/stores/message/ioredis");
  const client = new OldClient(url);
  return langChain(
    load,
    "LangChain (ioredis)",
    (key) => new RedisChatMessageHistory({ sessionId: `langchain:${key}`, sessionTTL: TTL_SECONDS, client }),
    { close: async () => client.disconnect() },
  );
}

async function mastraRedis(url: string, load: LoadPeer): Promise<Histories> {
  const { RedisStore } = await load<{ RedisStore: new (options: object) => MastraStore }>("@mastra/redis");
  return mastra(new RedisStore({ id: "bench", connectionString: url }), "Mastra (redis)");
}

async function vercelRedis(url: string, load: LoadPeer): Promise<Histories> {
  const { Redis: OldClient } = await load<{ Redis: new (url: string) => OldRedis }>("ioredis");
  const { createIoRedisState } = await load<VercelState>("@chat-adapter/state-ioredis");
  const client = new OldClient(url);
  const state = createIoRedisState({ client });
  await state.connect();
  const append = (key: string, number: number) =>
    state.appendToList(key, { role: roleOf(number), content: textOf(number) }, { ttlMs: TTL_SECONDS * 1_000 });
  const appendMany = async (key: string, count: number) => {
    for (const batch of batches(count, 1_000)) await Promise.all(numbers(batch).map((number) => append(key, number)));
  };
  return {
    name: "vercel/chat (state-ioredis)",
    append,
    appendMany,
    newest: async (key, count) => (await state.getList(key)).slice(-count),
    fill: appendMany,
    close: async () => client.disconnect(),
  };
}

/** All that keep histories in Redis, on the same server. */
export async function onRedis(url: string, load: LoadPeer): Promise<Histories[]> {
  return [
    rawRedis(url),
    chatkeepRedis(url),
    await langChainRedis(url, load),
    await mastraRedis(url, load),
    await vercelRedis(url, load),
  ];
}
