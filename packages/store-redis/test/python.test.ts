import { randomUUID } from "node:crypto";
import { interop, PythonStore, pythonFails, recorded } from "@chatkeep/store-tests";
import { startRedis } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RedisChatStore } from "../src/index.js";

const server = runningServer("redis");
const message = (content: string) => ({ role: "user" as const, content });

// Python's get_keys is `KEYS *`: it needs a database without anything else.
async function database() {
  const own = await startRedis();
  return { own, settings: { redis_url: own.url } };
}

async function nameOf(redisUrl: string): Promise<string> {
  const client = new Redis(redisUrl);
  const [, version] = /redis_version:(\S+)/.exec(await client.info("server")) ?? [];
  client.disconnect();
  return `Redis ${version}`;
}

describe.runIf(server?.own)("with LlamaIndex Python on the same Redis", () => {
  interop({
    backend: "redis",
    oldest: "stores-old",
    append: "atomic",
    expiry: "hidden",
    lacks: { delete: "it reverses what is left of the history" },
    async start() {
      const { own, settings } = await database();
      const ours = { redisUrl: own.url, layout: "llamaindex" } as const;
      return {
        server: await nameOf(own.url),
        store: new RedisChatStore(ours),
        expiring: (ttlSeconds) => new RedisChatStore({ ...ours, ttlSeconds }),
        settings,
        close: own.stop,
      };
    },
  });
});

describe.runIf(server?.own)("what is Redis' own with LlamaIndex Python", () => {
  const record = recorded("redis");
  let own: Awaited<ReturnType<typeof startRedis>>;
  let store: RedisChatStore;
  let client: Redis;
  let python: PythonStore;

  beforeAll(async () => {
    const started = await database();
    own = started.own;
    client = new Redis(own.url);
    store = new RedisChatStore({ client, layout: "llamaindex", ttlSeconds: 600 });
    python = await PythonStore.start("newest", "redis", { ...started.settings, ttl: 300 });
  }, 600_000);
  afterAll(async () => {
    await store?.close();
    client?.disconnect();
    await own?.stop();
  });

  pythonFails(
    record,
    "`delete_message` reverses what is left, raises on the only message, and loses the expiry",
    async () => {
      const key = randomUUID();
      const three = [message("a"), message("b"), message("c")];
      await python.set(key, three);
      await python.delete(key, 1);
      expect((await store.getMessages(key)).map(({ content }) => content)).toEqual(["c", "a"]);
      expect(await client.ttl(key)).toBe(-1);
      await python.set(key, [message("only")]);
      await expect(python.delete(key, 0)).rejects.toThrow(/wrong number of arguments/i);

      await store.setMessages(key, three);
      expect(await store.deleteMessage(key, 1)).toEqual(message("b"));
      expect((await python.get(key)).map(({ content }) => content)).toEqual(["a", "c"]);
      expect(await client.ttl(key)).toBeGreaterThan(500);
      await store.deleteMessage(key, 0);
      expect(await store.deleteMessage(key, 0)).toEqual(message("c"));
      expect(await client.exists(key)).toBe(0);
    },
  );

  pythonFails(record, "`set_messages` shows a history without its end while it goes on", async () => {
    const key = randomUUID();
    await store.setMessages(key, [message("before")]);
    let between: string[] = [];
    python.interrupt(4, async () => {
      between = (await store.getMessages(key)).map(({ content }) => String(content));
      await store.addMessage(key, message("ours"));
    });
    await python.set(key, [message("a"), message("b"), message("c")]);
    expect(between).toEqual(["a", "b"]);
    expect((await python.get(key)).map(({ content }) => content)).toEqual(["a", "b", "ours", "c"]);
  });

  pythonFails(record, "`add_message` with an index loses what others appended since it read", async () => {
    const key = randomUUID();
    await store.setMessages(key, [message("a"), message("b")]);
    python.interrupt(1, () => store.addMessage(key, message("ours")));
    await python.insert(key, 1, message("inserted"));
    expect((await store.getMessages(key)).map(({ content }) => content).sort()).not.toEqual([
      "a",
      "b",
      "inserted",
      "ours",
    ]);

    await store.setMessages(key, [message("a"), message("b")]);
    await Promise.all([
      store.addMessage(key, message("ours")),
      store.addMessage(key, message("inserted"), { index: 1 }),
      python.add(key, message("python's")),
    ]);
    expect((await store.getMessages(key)).map(({ content }) => content).sort()).toEqual([
      "a",
      "b",
      "inserted",
      "ours",
      "python's",
    ]);
  });

  pythonFails(record, "`get_keys` lists every key of the database, whatever it is", async () => {
    await client.set("no conversation", "x");
    expect(await python.keys()).toContain("no conversation");
    expect(await store.getKeys()).not.toContain("no conversation");
  });

  it("an expiry that Python set stays when a store without one writes", async () => {
    const key = randomUUID();
    const lasting = new RedisChatStore({ client, layout: "llamaindex" });
    await python.add(key, message("a"));
    for (const write of [
      () => lasting.addMessage(key, message("b")),
      () => lasting.addMessage(key, message("c"), { index: 0 }),
      () => lasting.setMessages(key, [message("d"), message("e"), message("f")]),
      () => lasting.deleteMessage(key, 1),
      () => lasting.trimMessages(key, 1),
    ]) {
      await write();
      expect(await client.ttl(key)).toBeGreaterThan(200);
    }
    await lasting.close();
  });

  it("what ours keeps beside a conversation is gone within minutes, and no conversation for us", async () => {
    const key = randomUUID();
    await store.addMessage(key, message("a"), { operationId: "of a caller" });
    const beside = (await client.keys("*")).filter((name) => name.startsWith("chatkeep:"));
    expect(beside.length).toBeGreaterThan(0);
    for (const name of beside) {
      expect(await client.pttl(name)).toBeGreaterThan(0);
      expect(await client.pttl(name)).toBeLessThanOrEqual(10 * 60 * 1000);
    }
    expect((await store.getKeys()).filter((name) => name.startsWith("chatkeep:"))).toEqual([]);
  });
});
