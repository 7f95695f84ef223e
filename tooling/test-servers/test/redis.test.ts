import { existsSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { makeCertificates, type RedisServer, redisProgram, serverKinds, startRedis } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";
import { connectTo, disconnectAll } from "./connect.js";

const shared = runningServer("redis");
const servers: RedisServer[] = [];

async function start(...options: Parameters<typeof startRedis>): Promise<RedisServer> {
  const server = await startRedis(...options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  disconnectAll();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe.runIf(shared)("the Redis of the run", () => {
  it("is provided to every test file", async () => {
    const client = connectTo(shared!.url);
    await client.set("test-servers:redis", "here");
    expect(await client.getdel("test-servers:redis")).toBe("here");
  });
});

describe.runIf(shared?.own)("a Redis of one's own", () => {
  it("listens on loopback, stops, and leaves no data", async () => {
    const server = await start();
    expect(server.host).toBe("127.0.0.1");
    const client = connectTo(server.url);
    const [, directory = ""] = (await client.config("GET", "dir")) as string[];
    expect(directory).toContain("chatkeep-redis-");
    expect(await client.config("GET", "bind")).toEqual(["bind", "127.0.0.1"]);
    client.disconnect();
    await server.stop();
    expect(existsSync(directory)).toBe(false);
    expect(() => process.kill(server.pid, 0)).toThrow("ESRCH");
    await expect(server.restart()).rejects.toThrow("stopped");
  });

  it("many start at once, each on a port of its own", async () => {
    const many = await Promise.all(Array.from({ length: 8 }, () => start()));
    expect(new Set(many.map((server) => server.port)).size).toBe(8);
    for (const server of many) expect(await connectTo(server.url).ping()).toBe("PONG");
  });

  it("keeps acknowledged writes over kill -9 and restart, if durable", async () => {
    const server = await start({ durable: true });
    const client = connectTo(server.url);
    for (let index = 0; index < 100; index++) await client.rpush("list", index);
    const { pid } = server;
    await server.kill();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await client.llen("list")).toBe(100);
  });

  it("loses them otherwise: the switch is what keeps them", async () => {
    const server = await start();
    await connectTo(server.url).set("key", "value");
    await server.kill();
    await server.restart();
    expect(await connectTo(server.url).get("key")).toBeNull();
  });

  it("asks for a password, which no command line shows", async () => {
    const server = await start({ password: 'sec"ret @:/' });
    expect(await connectTo(server.url).ping()).toBe("PONG");
    const stranger = connectTo(`redis://127.0.0.1:${server.port}`, { enableReadyCheck: false });
    await expect(stranger.get("key")).rejects.toThrow("NOAUTH");
  });

  it("takes an ACL file", async () => {
    const server = await start({ acl: ["user default off", "user app on >pw ~chat:* +@all"] });
    const app = connectTo(server.url, { username: "app", password: "pw", enableReadyCheck: false });
    expect(await app.set("chat:1", "x")).toBe("OK");
    await expect(app.set("other", "x")).rejects.toThrow("NOPERM");
  });

  it("refuses writes at its memory limit", async () => {
    const server = await start({ maxMemory: "2mb" });
    const client = connectTo(server.url);
    const fill = async () => {
      for (let index = 0; index < 100; index++) await client.set(`key${index}`, "x".repeat(100_000));
    };
    await expect(fill()).rejects.toThrow("OOM");
  });

  it("follows a primary", async () => {
    const primary = await start({ password: "pw" });
    await connectTo(primary.url).set("key", "before");
    const replica = await start({ replicaOf: { ...primary, password: "pw" } });
    const reader = connectTo(replica.url);
    expect(await reader.get("key")).toBe("before");
    await expect(reader.set("key", "x")).rejects.toThrow("READONLY");
  });

  it("says what the server said when it can't start", async () => {
    await expect(start({ settings: ["no-such-setting yes"] })).rejects.toThrow(/Bad directive/);
  });

  it("is fetched or found without being started", async () => {
    const { own } = await serverKinds.redis.find();
    expect(own.possible).toBe(true);
    expect(existsSync((await redisProgram()).file)).toBe(true);
  });
});

describe.runIf(shared?.own)("Redis with TLS", () => {
  it("is reached with its authority only", async () => {
    const server = await start({ tls: await makeCertificates(), password: "pw" });
    expect(server.url).toMatch(/^rediss:/);
    const trusting = connectTo(server.url, { tls: { ca: server.ca! } });
    expect(await trusting.ping()).toBe("PONG");
    const doubting = connectTo(server.url, { retryStrategy: () => null });
    await expect(doubting.ping()).rejects.toThrow();
  });
});
