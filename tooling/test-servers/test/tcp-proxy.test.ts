import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startRedis, type TcpProxy, type TcpRequest, tcpProxy, through } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";
import { connectTo, disconnectAll } from "./connect.js";

const shared = runningServer("redis");

const isCommand = (name: string) => (request: TcpRequest) =>
  request.data.toString("latin1").toLowerCase().includes(`\r\n${name}\r\n`);
const isPush = isCommand("rpush");

describe.runIf(shared)("a TCP proxy before redis-server", () => {
  const server = shared!;
  const list = "test-servers:tcp-proxy";
  const direct = () => connectTo(server.url);
  const stored = () => direct().lrange(list, 0, -1);
  let proxy: TcpProxy;
  let url: string;

  beforeEach(async () => {
    proxy = await tcpProxy(server);
    url = through(server.url, proxy);
    await direct().del(list);
  });

  afterEach(async () => {
    await direct().del(list);
    disconnectAll();
    await proxy.close();
  });

  it("passes everything on, byte for byte, and counts it", async () => {
    const client = connectTo(url);
    const value = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 7) % 256));
    await client.rpush(list, value);
    expect((await client.lindexBuffer(list, 0))?.equals(value)).toBe(true);
    expect(await Promise.all(Array.from({ length: 200 }, (_, index) => client.echo(String(index))))).toEqual(
      Array.from({ length: 200 }, (_, index) => String(index)),
    );
    const { counts } = proxy;
    expect(counts.connections).toBe(1);
    expect(counts.forwarded).toBe(counts.requests);
    expect(counts.bytesUp).toBeGreaterThan(1 << 20);
    expect(counts.bytesDown).toBeGreaterThan(1 << 20);
    expect(counts.faults).toEqual({});
  });

  describe("reset before the server saw the request", () => {
    it("is retried by ioredis's defaults, and written once", async () => {
      const client = connectTo(url);
      const ordered = proxy.next(1, { kind: "reset-before" }, isPush);
      expect(await client.rpush(list, "m")).toBe(1);
      expect(ordered.hits).toBe(1);
      expect(await stored()).toEqual(["m"]);
    });

    it("fails without retries, and is not written", async () => {
      const client = connectTo(url, { maxRetriesPerRequest: 0 });
      proxy.next(1, { kind: "reset-before" }, isPush);
      await expect(client.rpush(list, "m")).rejects.toThrow("max retries");
      expect(await stored()).toEqual([]);
    });
  });

  describe("reset after the server acted", () => {
    it("is written twice by ioredis's defaults", async () => {
      const client = connectTo(url);
      const ordered = proxy.next(1, { kind: "reset-after" }, isPush);
      expect(await client.rpush(list, "m")).toBe(2);
      await ordered.done;
      expect(await stored()).toEqual(["m", "m"]);
      expect(proxy.counts.faults).toEqual({ "reset-after": 1 });
    });

    it("fails without retries, and is written once", async () => {
      const client = connectTo(url, { maxRetriesPerRequest: 0 });
      proxy.next(1, { kind: "reset-after" }, isPush);
      await expect(client.rpush(list, "m")).rejects.toThrow("max retries");
      expect(await stored()).toEqual(["m"]);
    });

    it("also for a request of many chunks", async () => {
      const client = connectTo(url, { maxRetriesPerRequest: 0 });
      const value = "x".repeat(4 << 20);
      proxy.next(1, { kind: "reset-after" }, isPush);
      await expect(client.rpush(list, value)).rejects.toThrow("max retries");
      expect(await stored()).toEqual([value]);
    });
  });

  it.each(["reset", "close"] as const)("a reply is cut after some bytes (%s)", async (end) => {
    await direct().rpush(list, "x".repeat(10_000));
    const client = connectTo(url, { maxRetriesPerRequest: 0 });
    await client.ping();
    const before = proxy.counts.bytesDown;
    proxy.next(1, { kind: "truncate-reply", bytes: 5_000, end }, isCommand("lrange"));
    await expect(client.lrange(list, 0, -1)).rejects.toThrow();
    expect(proxy.counts.bytesDown - before).toBe(5_000);
    expect(await client.lrange(list, 0, -1)).toHaveLength(1);
  });

  it.each([
    { forward: false, expected: [] },
    { forward: true, expected: ["m"] },
  ])("a black hole says nothing (forward: $forward)", async ({ forward, expected }) => {
    const client = connectTo(url, { commandTimeout: 300, maxRetriesPerRequest: 0 });
    await client.ping();
    proxy.next(1, { kind: "black-hole", forward }, isPush);
    await expect(client.rpush(list, "m")).rejects.toThrow("timed out");
    // And nothing that follows on the connection.
    await expect(client.rpush(list, "n")).rejects.toThrow("timed out");
    expect(await stored()).toEqual(expected);
  });

  it("a black hole with an end is a reset in the end", async () => {
    const client = connectTo(url, { maxRetriesPerRequest: 0 });
    proxy.next(1, { kind: "black-hole", forward: true, ms: 50 }, isPush);
    await expect(client.rpush(list, "m")).rejects.toThrow("max retries");
    expect(await stored()).toEqual(["m"]);
  });

  it("latency holds back what others get at once", async () => {
    const client = connectTo(url);
    await client.ping();
    proxy.latency = 3_600_000;
    let answered = false;
    client.rpush(list, "m").then(
      () => {
        answered = true;
      },
      () => {},
    );
    for (let index = 0; index < 20; index++) await direct().ping();
    expect(answered).toBe(false);
    expect(await stored()).toEqual([]);
  });

  it("random latency and delays keep the order", async () => {
    const client = connectTo(url);
    proxy.latency = { min: 0, max: 5 };
    proxy.always((request) => (request.number % 3 === 0 ? { kind: "delay", ms: { min: 0, max: 5 } } : undefined));
    const pushes: Promise<number>[] = [];
    for (let index = 0; index < 50; index++) {
      pushes.push(client.rpush(list, index));
      await new Promise(setImmediate);
    }
    const lengths = await Promise.all(pushes);
    expect(lengths).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(await stored()).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
    expect(proxy.counts.faults.delay).toBeGreaterThan(0);
  });

  it("a frozen network goes on when it thaws", async () => {
    const client = connectTo(url);
    await client.ping();
    proxy.freeze();
    const push = client.rpush(list, "m");
    const late = connectTo(url).rpush(list, "n");
    await direct().ping();
    expect(await stored()).toEqual([]);
    proxy.thaw();
    await Promise.all([push, late]);
    expect((await stored()).sort()).toEqual(["m", "n"]);
  });

  it("refuses connections while it is down, on the same port after", async () => {
    const client = connectTo(url);
    await client.ping();
    await proxy.down();
    const refused = new Promise((resolve) => {
      connect(proxy.port, proxy.host).once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(await refused).toBe("ECONNREFUSED");
    await proxy.up();
    expect(await client.ping()).toBe("PONG");
    expect(proxy.counts.connections).toBeGreaterThan(1);
  });

  it("the next requests that match get a fault, and no others", async () => {
    const client = connectTo(url, { maxRetriesPerRequest: 0 });
    const ordered = proxy.next(2, { kind: "reset-before" }, isPush);
    await client.ping();
    for (const value of ["a", "b"]) await expect(client.rpush(list, value)).rejects.toThrow();
    await ordered.done;
    await client.rpush(list, "c");
    expect(await stored()).toEqual(["c"]);
    const canceled = proxy.next(1, { kind: "reset-before" }, isPush);
    canceled.cancel();
    await client.rpush(list, "d");
    expect(canceled.hits).toBe(0);
  });

  it("a fault can be kept to one connection", async () => {
    const first = connectTo(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
    await first.ping();
    const second = connectTo(url);
    await second.ping();
    proxy.always((request) => (request.connection === 1 ? { kind: "reset-before" } : undefined));
    await expect(first.ping()).rejects.toThrow();
    expect(await second.ping()).toBe("PONG");
    proxy.always(undefined);
  });

  it("a hook holds a request, and a reply", async () => {
    const client = connectTo(url);
    await client.ping();
    const seen: string[] = [];
    const release = proxy.intercept({
      request: async () => {
        seen.push(`request, ${(await stored()).length} stored`);
        return undefined;
      },
      reply: async () => {
        seen.push(`reply, ${(await stored()).length} stored`);
        return undefined;
      },
    });
    await client.rpush(list, "m");
    release();
    await client.rpush(list, "n");
    expect(seen).toEqual(["request, 0 stored", "reply, 1 stored"]);
  });
});

describe.runIf(shared?.own)("a TCP proxy before a server that dies", () => {
  it("breaks the connection off, and serves again after the restart", async () => {
    const server = await startRedis({ durable: true });
    const proxy = await tcpProxy(server);
    const client = connectTo(through(server.url, proxy), { retryStrategy: () => 50 });
    try {
      await client.rpush("list", "m");
      await server.kill();
      const late = client.rpush("list", "n");
      await server.restart();
      expect(await late).toBe(2);
      expect(proxy.counts.connections).toBeGreaterThan(1);
    } finally {
      client.disconnect();
      await proxy.close();
      await server.stop();
    }
  });
});
