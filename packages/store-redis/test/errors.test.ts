import { createServer, type Server } from "node:net";
import type { ChatStore, ChatStoreErrorCode } from "@chatkeep/chat-store-core";
import { freePorts, LOOPBACK, startRedis } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { RedisChatStore, type RedisChatStoreOptions } from "../src/index.js";

const server = runningServer("redis");
const message = (content: string) => ({ role: "user" as const, content });
const secret = "p4ss-word-that-is-secret";

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterAll(async () => {
  for (const step of cleanUp.reverse()) await step();
});

function open(options: RedisChatStoreOptions): RedisChatStore {
  const store = new RedisChatStore({ keyPrefix: `errors-${process.pid}:`, ...options } as RedisChatStoreOptions);
  cleanUp.push(() => store.close());
  return store;
}

async function refusal(call: Promise<unknown>, code: ChatStoreErrorCode, says: string, outcome?: string) {
  const error = await call.then(
    () => expect.fail("it was not refused"),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
  expect((error as { outcome?: string }).outcome).toBe(outcome);
  expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain(secret);
  return error;
}

const write = (store: ChatStore, key = "k") => store.addMessage(key, message("x"));

describe.runIf(server)("errors of a shared server", () => {
  it("a name that holds another type", async () => {
    const store = open({ redisUrl: server!.url });
    const client = new Redis(server!.url);
    cleanUp.push(() => client.disconnect());
    await client.set(`errors-${process.pid}:{ktaken}:messages`, "another program's");
    await refusal(write(store, "taken"), "MISCONFIGURED", "holds something else", "not-applied");
    await refusal(store.countMessages("taken"), "MISCONFIGURED", "holds something else");
    expect(await client.get(`errors-${process.pid}:{ktaken}:messages`)).toBe("another program's");
    await client.unlink(`errors-${process.pid}:{ktaken}:messages`);
    const python = open({ redisUrl: server!.url, layout: "llamaindex" });
    await client.set(`errors-${process.pid}:taken`, "another program's");
    await refusal(write(python, "taken"), "MISCONFIGURED", "holds something else", "not-applied");
    await client.unlink(`errors-${process.pid}:taken`);
  });

  it("a key that would be a name of the store's own", async () => {
    const store = open({ redisUrl: server!.url, layout: "llamaindex", keyPrefix: "" });
    await refusal(write(store, "chatkeep:{ka}:messages"), "INVALID_KEY", "chatkeep:", "not-applied");
  });

  it("a client that was closed", async () => {
    const client = new Redis(server!.url);
    const store = open({ client });
    await write(store, "closed");
    await store.deleteMessages("closed");
    const ended = new Promise((resolve) => client.once("end", resolve));
    client.disconnect();
    await ended;
    await refusal(write(store, "closed"), "UNAVAILABLE", "closed", "not-applied");
  });

  it("scripts that were flushed are sent again", async () => {
    const store = open({ redisUrl: server!.url });
    const client = new Redis(server!.url);
    cleanUp.push(() => client.disconnect());
    await write(store, "flushed");
    await client.script("FLUSH");
    await write(store, "flushed");
    expect(await store.countMessages("flushed")).toBe(2);
    await store.deleteMessages("flushed");
  });
});

describe("errors without a server", () => {
  it("nobody at the address", async () => {
    const [port] = await freePorts(1);
    const store = open({ redisUrl: `redis://user:${secret}@${LOOPBACK}:${port}`, maxRetries: 1 });
    await refusal(write(store), "UNAVAILABLE", "ECONNREFUSED", "not-applied");
    await refusal(store.countMessages("k"), "UNAVAILABLE", "ECONNREFUSED");
  });

  it("a name that no host has", async () => {
    const store = open({ redisUrl: "redis://no-such-host.invalid", maxRetries: 0 });
    await refusal(write(store), "UNAVAILABLE", "can't be reached", "not-applied");
  });

  it.each([
    [
      "a proxy without scripts",
      "-ERR unknown command 'evalsha', with args beginning with: x",
      "MISCONFIGURED",
      "scripts",
    ],
    ["a proxy that refuses scripts", "-ERR 'EVALSHA' command is not supported", "MISCONFIGURED", "scripts"],
    ["a Cluster that is down", "-CLUSTERDOWN The cluster is down", "UNAVAILABLE", "Cluster is down"],
    ["a node that has no such slot", "-MOVED 1 127.0.0.1:1", "UNAVAILABLE", "not made for a Cluster"],
    ["a slot that is on its way", "-ASK 1 127.0.0.1:1", "UNAVAILABLE", "moving slots"],
    ["a server that loads", "-LOADING Redis is loading the dataset in memory", "UNAVAILABLE", "loading"],
    ["a server that is busy", "-BUSY Redis is busy running a script.", "UNAVAILABLE", "busy"],
    ["too few replicas", "-NOREPLICAS Not enough good replicas to write.", "UNAVAILABLE", "too few replicas"],
    ["a disk that is full", "-MISCONF Redis is configured to save RDB snapshots", "UNAVAILABLE", "disk"],
  ] as const)("%s", async (_, answer, code, says) => {
    // What no server here says by itself: the words are Redis' own.
    const proxy = await answering(answer);
    const store = open({ redisUrl: `redis://${LOOPBACK}:${portOf(proxy)}`, maxRetries: 1 });
    await refusal(write(store), code, says, "not-applied");
  });

  it("an error that is not known quotes nothing, and may have been applied", async () => {
    const proxy = await answering("-ERR something with content in it");
    const store = open({ redisUrl: `redis://${LOOPBACK}:${portOf(proxy)}` });
    const error = await refusal(write(store), "UNAVAILABLE", "does not know", "unknown");
    expect(String(error)).not.toContain("content in it");
  });

  it("answers that are none of a script", async () => {
    for (const answer of ["+OK", "$-1", ":5", "*1\r\n$4\r\ntext"]) {
      const proxy = await answering(answer);
      const store = open({ redisUrl: `redis://${LOOPBACK}:${portOf(proxy)}`, maxRetries: 1 });
      await refusal(write(store), "UNAVAILABLE", "something on the way", "unknown");
    }
  });
});

describe.runIf(server?.own)("errors of servers that are set up so", () => {
  it("a wrong password, none, and a user without permissions", async () => {
    const own = await startRedis({
      acl: [
        "user default off",
        `user app on >${secret} ~* +@all`,
        `user reader on >${secret} ~* +@all -rpush`,
        `user elsewhere on >${secret} ~other:* +@all`,
      ],
    });
    cleanUp.push(own.stop);
    const at = (user: string) => `redis://${user}@${LOOPBACK}:${own.port}`;
    await write(open({ redisUrl: at(`app:${secret}`) }));
    await refusal(write(open({ redisUrl: at(`app:wrong-${secret}`) })), "MISCONFIGURED", "password", "not-applied");
    await refusal(
      write(open({ redisUrl: `redis://${LOOPBACK}:${own.port}` })),
      "MISCONFIGURED",
      "asks for one",
      "not-applied",
    );
    await refusal(
      write(open({ redisUrl: at(`reader:${secret}`) }), "other"),
      "MISCONFIGURED",
      "command that a script",
      "unknown",
    );
    await refusal(
      write(open({ redisUrl: at(`elsewhere:${secret}`) })),
      "MISCONFIGURED",
      "a key that the store needs",
      "not-applied",
    );
    const injected = new Redis(at(`app:wrong-${secret}`));
    injected.on("error", () => {});
    cleanUp.push(() => injected.disconnect());
    await refusal(write(open({ client: injected })), "MISCONFIGURED", "password", "not-applied");
  });

  it("a read-only replica, which does not answer reads either", async () => {
    const primary = await startRedis();
    cleanUp.push(primary.stop);
    const replica = await startRedis({ replicaOf: primary });
    cleanUp.push(replica.stop);
    await write(open({ redisUrl: primary.url }));
    const store = open({ redisUrl: replica.url });
    await refusal(write(store), "MISCONFIGURED", "read-only replica", "not-applied");
    await refusal(store.countMessages("k"), "MISCONFIGURED", "read-only replica");
    await refusal(store.getMessages("k"), "MISCONFIGURED", "read-only replica");
  });

  it("memory that is used up: nothing is added, and what is there can be read and removed", async () => {
    const own = await startRedis({ settings: ["maxmemory-policy noeviction"] });
    cleanUp.push(own.stop);
    const admin = new Redis(own.url);
    cleanUp.push(() => admin.disconnect());
    for (const layout of ["chatkeep", "llamaindex"] as const) {
      const store = open({ redisUrl: own.url, layout, keyPrefix: `${layout}:` });
      const batch = Array.from({ length: 20 }, () => message("x".repeat(10_000)));
      await store.addMessages("k", batch);
      await admin.config("SET", "maxmemory", "100kb");
      const before = await store.getMessages("k");
      await refusal(store.addMessage("k", message("y")), "UNAVAILABLE", "maxmemory", "not-applied");
      await refusal(store.addMessage("k", message("y"), { index: 1 }), "UNAVAILABLE", "maxmemory", "not-applied");
      await refusal(store.setMessages("k", [message("y")]), "UNAVAILABLE", "maxmemory", "not-applied");
      expect(await store.getMessages("k")).toEqual(before);
      expect(await store.deleteLastMessage("k")).toEqual(batch[0]);
      expect(await store.deleteMessage("k", 5)).toEqual(batch[0]);
      expect(await store.trimMessages("k", 3)).toBe(15);
      await store.deleteMessages("k");
      expect(await store.getKeys()).toEqual([]);
      await admin.config("SET", "maxmemory", "0");
    }
  });

  it("a server of which TLS is wanted and which has none, and the other way round", async () => {
    const own = await startRedis({ tls: true });
    cleanUp.push(own.stop);
    await refusal(write(open({ redisUrl: own.url })), "MISCONFIGURED", "TLS", "not-applied");
    await write(open({ redisUrl: own.url, redisOptions: { tls: { ca: own.ca } as never } }));
    const plain = await startRedis();
    cleanUp.push(plain.stop);
    const wanted = open({ redisUrl: plain.url.replace("redis:", "rediss:"), maxRetries: 0 });
    // Neither side says a word that the other understands.
    await refusal(write(wanted), "UNAVAILABLE", "TLS", "not-applied");
  });
});

/** Answers the client's greetings as a Redis of RESP2 does, and everything else with one answer. */
async function answering(answer: string): Promise<Server> {
  const proxy = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      for (const [, name = ""] of data.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        const command = name.toLowerCase();
        if (command === "hello") socket.write("-ERR unknown command 'HELLO'\r\n");
        else if (command === "info") socket.write("$9\r\nloading:0\r\n");
        else if (command === "client") socket.write("+OK\r\n");
        else socket.write(`${answer}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, LOOPBACK, resolve));
  cleanUp.push(() => new Promise((resolve) => proxy.close(resolve)));
  return proxy;
}

function portOf(proxy: Server): number {
  const address = proxy.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
