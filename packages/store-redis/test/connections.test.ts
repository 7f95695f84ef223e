import { type RedisSentinels, startRedis, startRedisSentinels } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Redis } from "ioredis";
import { afterAll, describe, expect, it, vi } from "vitest";
import { RedisChatStore, type RedisChatStoreOptions } from "../src/index.js";
import { parseRedisUrl } from "../src/redis-url.js";

const server = runningServer("redis");
const message = (content: string) => ({ role: "user" as const, content });
const secret = "p4ss:w/ord@%{}";

const cleanUp: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of cleanUp.reverse()) await step();
});

/** Every kind of operation, on a conversation of its own. */
async function useAll(options: RedisChatStoreOptions): Promise<void> {
  const store = new RedisChatStore(options);
  try {
    await store.addMessages("k", [message("a"), message("b"), message("c"), message("d")]);
    await store.addMessage("k", message("first"), { index: 0 });
    await store.addMessage("k", message("second"), { index: 1 });
    await store.replaceMessage("k", 1, message("2nd"));
    expect(await store.deleteMessage("k", 2)).toEqual(message("a"));
    expect(await store.deleteMessage("k", 0)).toEqual(message("first"));
    expect(await store.deleteLastMessage("k")).toEqual(message("d"));
    expect(await store.countMessages("k")).toBe(3);
    expect((await store.getPage("k", { limit: 2 })).messages).toEqual([message("b"), message("c")]);
    expect((await store.getPage("k", { limit: 1, from: "oldest" })).messages).toEqual([message("2nd")]);
    expect(await store.trimMessages("k", 1)).toBe(2);
    expect(await store.getKeys()).toEqual(["k"]);
    await store.setMessages("k", [message("x")]);
    await store.deleteMessages("k");
    expect(await store.getKeys()).toEqual([]);
  } finally {
    await store.close();
  }
}

describe("URLs", () => {
  it("of every form are options of ioredis", () => {
    const user = `user:${encodeURIComponent(secret)}`;
    const credentials = { username: "user", password: secret };
    expect(parseRedisUrl("redis://localhost")).toEqual({ host: "localhost", port: 6379 });
    expect(parseRedisUrl(`redis://${user}@h:1/2`)).toEqual({ host: "h", port: 1, db: 2, ...credentials });
    expect(parseRedisUrl("rediss://[::1]")).toEqual({ host: "::1", port: 6379, tls: {} });
    expect(parseRedisUrl("unix:///run/redis.sock?db=3")).toEqual({ path: "/run/redis.sock", db: 3 });
    expect(parseRedisUrl(`redis+sentinel://${user}@h/main/1`)).toEqual({
      sentinels: [{ host: "h", port: 26_379 }],
      name: "main",
      db: 1,
      sentinelUsername: "user",
      sentinelPassword: secret,
      ...credentials,
    });
    expect(parseRedisUrl("redis+sentinel://h")).toMatchObject({ name: "mymaster" });
  });

  it("that are none are refused, without a word of what they hold", () => {
    for (const url of [
      "",
      `${secret}`,
      `http://${secret}`,
      `redis://h/${secret}`,
      `redis://h?x=${secret}`,
      "redis://%zz@h",
    ]) {
      const open = () => new RedisChatStore({ redisUrl: url });
      expect(open).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      if (url.includes(secret)) expect(open).not.toThrow(secret);
    }
  });
});

describe("options", () => {
  it.each<[string, unknown]>([
    ["a name that there is not", { url: "redis://localhost" }],
    ["a client that is none", { client: {} }],
    ["a client and a URL", { client: new Redis({ lazyConnect: true }), redisUrl: "redis://localhost" }],
    ["a URL and nodes of a Cluster", { redisUrl: "redis://localhost", clusterNodes: [{ host: "h" }] }],
    ["no nodes", { clusterNodes: [] }],
    ["options of a Cluster alone", { clusterOptions: {} }],
    ["a prefix for ioredis", { redisOptions: { keyPrefix: "x" } }],
    ["a prefix with braces", { keyPrefix: "a{b}" }],
    ["a layout that there is not", { layout: "postgres" }],
    ["a time to live of nothing", { ttlSeconds: 0 }],
    ["half a replica", { minReplicas: 0.5 }],
    ["replicas, by a client that resends", { minReplicas: 1, client: new Redis({ lazyConnect: true }) }],
  ])("%s is refused", (_, options) => {
    expect(() => new RedisChatStore(options as RedisChatStoreOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  it("no connection is made before there is something to do", async () => {
    await new RedisChatStore({ redisUrl: "redis://127.0.0.1:1" }).close();
  });
});

describe.runIf(server)("the newest page", () => {
  it("has a cursor that leads nowhere when the history is replaced while it is read", async () => {
    const keyPrefix = `replaced-${process.pid}:`;
    const other = new RedisChatStore({ redisUrl: server?.url, keyPrefix });
    const client = new Redis(server?.url ?? "");
    const store = new RedisChatStore({ client, keyPrefix });
    const history = (name: string) => Array.from({ length: 5 }, (_, i) => message(`${name}${i}`));
    try {
      await other.setMessages("k", history("old"));
      await store.countMessages("k");
      const send = client.sendCommand.bind(client);
      let sent = 0;
      // The last of its commands comes after what another client does.
      client.sendCommand = (...command) =>
        ++sent === 3 ? other.setMessages("k", history("new")).then(() => send(...command)) : send(...command);
      const { messages, before } = await store.getPage("k", { limit: 2 });
      expect(sent).toBe(3);
      expect(messages.map(({ content }) => content)).toEqual(["new3", "new4"]);
      client.sendCommand = send;
      await expect(store.getPage("k", { limit: 2, before })).rejects.toMatchObject({ code: "CONFLICT" });
    } finally {
      await other.deleteMessages("k");
      for (const each of [store, other]) await each.close();
      client.disconnect();
    }
  });
});

describe.runIf(server)("what is sent in one turn of the event loop", () => {
  it("leaves in one write: a page, and what many clients write", async () => {
    const client = new Redis(server?.url ?? "");
    const store = new RedisChatStore({ client, keyPrefix: `turn-${process.pid}:` });
    const all = () => [
      store.getPage("k", { limit: 1 }),
      ...Array.from({ length: 9 }, (_, i) => store.addMessage(`k${i}`, message("x"))),
    ];
    try {
      await store.addMessages("k", [message("a"), message("b")]);
      await Promise.all(all());
      const together = vi.spyOn(client.stream, "_writev");
      await store.getPage("k", { limit: 1 });
      await Promise.all(all());
      expect(together.mock.calls.map(([chunks]) => chunks.length)).toEqual([3, 12]);
    } finally {
      for (const key of await store.getKeys()) await store.deleteMessages(key);
      await store.close();
      client.disconnect();
    }
  });
});

describe.runIf(server?.own)("ways to a server", () => {
  it("TLS, with a user who may do what the README says and no more", async () => {
    const commands =
      "hello info select evalsha eval scan get getrange set lrange llen lindex lset lrem linsert lpush lpop rpush rpushx rpop ltrim hget hset hdel hlen exists rename unlink persist pexpire pttl time zadd zrem zcard zrangebylex";
    const only = commands.replace(/(^| )/g, "$1+");
    const own = await startRedis({
      tls: true,
      acl: ["user default off", `user app on >${secret} ~chatkeep:* ~chats:* ${only}`],
    });
    cleanUp.push(own.stop);
    const redisUrl = `rediss://app:${encodeURIComponent(secret)}@127.0.0.1:${own.port}`;
    const redisOptions = { tls: { ca: own.ca ?? "" } };
    await useAll({ redisUrl, redisOptions });
    await useAll({ redisUrl, redisOptions, layout: "llamaindex", keyPrefix: "chats:" });
    const store = new RedisChatStore({ redisUrl });
    await expect(store.countMessages("k")).rejects.toMatchObject({
      code: "MISCONFIGURED",
      message: expect.stringContaining("TLS"),
    });
    await store.close();
  });

  it("a unix socket, and another database", async () => {
    const path = `/tmp/chatkeep-${process.pid}.sock`;
    const own = await startRedis({ settings: [`unixsocket ${path}`] });
    cleanUp.push(own.stop);
    await useAll({ redisUrl: `unix://${path}?db=2` });
    await useAll({ redisUrl: `unix://${path}`, layout: "llamaindex" });
  });

  it.each([false, true])("Sentinels, and a failover; handed in: %s", async (handedIn) => {
    const ensemble = await startRedisSentinels();
    cleanUp.push(() => ensemble.stop());
    const [sentinel] = ensemble.sentinels;
    const store = storeOf(ensemble, handedIn);
    try {
      await store.addMessage("k", message("before"));
      await vi.waitFor(async () => expect(await lengthOnReplica(ensemble)).toBe(1));
      const first = await ensemble.primary();
      await first.kill();
      const patient = { timeout: 30_000, interval: 100 };
      await vi.waitFor(async () => expect(await ensemble.primary()).not.toBe(first), patient);
      await vi.waitFor(() => store.addMessage("k", message("after"), { operationId: "after" }), patient);
      // The old primary comes back, as a replica.
      await first.restart();
      expect((await store.getMessages("k")).map(({ content }) => content)).toEqual(["before", "after"]);
      expect(await store.deleteLastMessage("k")).toEqual(message("after"));
    } finally {
      await store.close();
    }
    if (!handedIn) await useAll({ redisUrl: `${sentinel?.url}/1` });
  });
});

function storeOf(ensemble: RedisSentinels, handedIn: boolean): RedisChatStore {
  const sentinels = ensemble.sentinels.map(({ host, port }) => ({ host, port }));
  const redisOptions = { sentinels, name: ensemble.name };
  if (!handedIn) return new RedisChatStore({ redisOptions });
  const client = new Redis(redisOptions);
  client.on("error", () => {});
  cleanUp.push(() => client.disconnect());
  return new RedisChatStore({ client });
}

async function lengthOnReplica({ servers }: RedisSentinels): Promise<number> {
  const replica = new Redis(servers[1]?.url ?? "");
  try {
    return await replica.llen("chatkeep:{kk}:messages");
  } finally {
    replica.disconnect();
  }
}

describe.runIf(server)("a database that Redis does not have", () => {
  it("is MISCONFIGURED, and nothing comes into another one", async () => {
    const store = new RedisChatStore({
      redisUrl: `${server!.url.replace(/\/\d*$/, "")}/4000`,
      keyPrefix: "misplaced:",
    });
    const inFirst = new Redis(server!.url);
    try {
      for (let i = 0; i < 2; i++) {
        await expect(store.addMessage("k", message("a"))).rejects.toMatchObject({
          code: "MISCONFIGURED",
          outcome: "not-applied",
          message: expect.stringContaining("no database of this number"),
        });
      }
      expect(await inFirst.keys("misplaced:*")).toEqual([]);
    } finally {
      await store.close();
      inFirst.disconnect();
    }
  });
});
