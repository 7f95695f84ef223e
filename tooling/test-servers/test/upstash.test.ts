import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type HttpProxy, httpProxy, startUpstash, type UpstashServer } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const shared = runningServer("upstash");

/** As most programs make it: with all that the SDK has on by default. */
const byDefault = (server: { url: string; token?: string | undefined }, more: object = {}) =>
  new Redis({ url: server.url, token: server.token, enableTelemetry: false, ...more });

/** Without what changes commands or answers. */
const plain = (server: { url: string; token?: string | undefined }, more: object = {}) =>
  byDefault(server, {
    automaticDeserialization: false,
    enableAutoPipelining: false,
    retry: { retries: 0 },
    ...more,
  });

describe.runIf(shared)("the Upstash of the run", () => {
  it("is provided to every test file, with its token", async () => {
    const client = plain(shared!);
    await client.set("test-servers:upstash", "here");
    expect(await client.getdel("test-servers:upstash")).toBe("here");
  });
});

describe.runIf(shared?.own)("Upstash's REST protocol over a Redis of one's own", () => {
  let server: UpstashServer;
  let proxy: HttpProxy;
  let viaProxy: { url: string; token: string };
  let keys = 0;
  const newKey = () => `key ${++keys}`;

  beforeAll(async () => {
    server = await startUpstash({ durable: true });
    proxy = await httpProxy(server.url);
    viaProxy = { url: proxy.url, token: server.token };
  });
  afterEach(() => {
    proxy.always(undefined);
    proxy.log.splice(0);
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, ...headers },
      body,
    });

  it("answers any text, of any length, with and without base64", async () => {
    const values = ["", "OK", "\u0000é漢字🙂\u2028", "123", "null", '"x"', "x".repeat(2_000_000)];
    for (const client of [plain(server), plain(server, { responseEncoding: false })]) {
      const key = newKey();
      expect(await client.rpush(key, ...values)).toBe(values.length);
      expect(await client.lrange(key, 0, -1)).toEqual(values);
      expect(await client.set(key, "x")).toBe("OK");
      expect(await client.lindex(newKey(), 0)).toBeNull();
    }
  });

  it("runs hashes, sorted sets, expiry, scans and scripts", async () => {
    const client = plain(server);
    const [hash, set, list] = [newKey(), newKey(), newKey()];
    await client.hset(hash, { a: "1", b: "2" });
    expect(await client.hmget(hash, "a", "c")).toEqual(["1", null]);
    await client.zadd(set, { score: 1, member: "one" }, { score: 2, member: "two" });
    expect(await client.zrange(set, 0, -1)).toEqual(["one", "two"]);
    await client.rpush(list, "x");
    await client.pexpire(list, 60_000);
    expect(await client.pttl(list)).toBeGreaterThan(50_000);
    expect((await client.scan(0, { match: hash, count: 10_000 }))[1]).toEqual([hash]);
    const script = "return {KEYS[1], ARGV[1], 3, false, {ARGV[2], 'OK'}, redis.status_reply('OK')}";
    expect(await client.eval(script, ["k"], ["a", "b"])).toEqual(["k", "a", 3, null, ["b", "OK"], "OK"]);
    const loaded = client.createScript<string>("return ARGV[1]");
    expect(await loaded.exec([], ["x"])).toBe("x");
    expect(await client.exec(["EVAL", script, 1, "k", "a", "b"])).toEqual(["k", "a", 3, null, ["b", "OK"], "OK"]);
  });

  it("runs transactions, and pipelines of which one member may fail", async () => {
    const client = plain(server);
    const [list, other] = [newKey(), newKey()];
    expect(await client.multi().rpush(list, "a").rpush(list, "b").lrange(list, 0, -1).exec()).toEqual([
      1,
      2,
      ["a", "b"],
    ]);
    await client.set(other, "text");
    const results = await client.pipeline().rpush(list, "c").rpush(other, "x").llen(list).exec({ keepErrors: true });
    expect(results.map(({ error, result }) => error?.slice(0, 9) ?? result)).toEqual([3, "WRONGTYPE", 3]);
    // As in Redis, the rest of a transaction is done.
    await expect(client.multi().rpush(list, "d").rpush(other, "x").exec()).rejects.toThrow("WRONGTYPE");
    expect(await client.llen(list)).toBe(4);
    const refused = await post("/multi-exec", '[["RPUSH","x","y"],["NOSUCH"]]');
    expect([refused.status, await refused.json()]).toEqual([400, { error: expect.stringMatching(/^EXECABORT/) }]);
  });

  it("takes 200 commands at once", async () => {
    const client = plain(server);
    const key = newKey();
    await Promise.all(Array.from({ length: 200 }, (_, index) => client.rpush(key, `${index}`)));
    expect(await client.llen(key)).toBe(200);
  });

  it("refuses what it should, with the service's status", async () => {
    const status = async (reply: Promise<Response>) => [
      (await reply).status,
      ((await (await reply).json()) as { error: string }).error,
    ];
    const noToken = fetch(server.url, { method: "POST", body: '["PING"]' });
    expect(await status(noToken)).toEqual([401, "WRONGPASS invalid or missing auth token"]);
    expect((await fetch(server.url)).status).toBe(405);
    expect((await status(post("/", "{")))[0]).toBe(400);
    expect((await status(post("/", '[["PING"]]')))[0]).toBe(400);
    expect((await status(post("/", '["BLPOP","x","0"]')))[1]).toMatch(/not available/);
    expect((await status(post("/", '["NOSUCH"]')))[1]).toMatch(/^ERR unknown command/);
    await expect(plain({ ...server, token: "wrong" }).get("x")).rejects.toThrow(/WRONGPASS/);
  });

  it("lets a read-only token read, and run no script", async () => {
    const key = newKey();
    await plain(server).rpush(key, "x");
    const reader = plain({ ...server, token: server.readOnlyToken });
    expect(await reader.lrange(key, 0, -1)).toEqual(["x"]);
    await expect(reader.rpush(key, "y")).rejects.toThrow(/NOPERM/);
    await expect(reader.eval("return 1", [], [])).rejects.toThrow(/NOPERM/);
    await expect(reader.keys("*")).rejects.toThrow(/NOPERM/);
  });

  it("refuses requests and answers of more than 10 MB", async () => {
    const client = plain(server);
    const key = newKey();
    await expect(client.rpush(key, "x".repeat(10_000_000))).rejects.toThrow(/max request size/);
    for (let part = 0; part < 4; part++) await client.rpush(key, "x".repeat(3_000_000));
    await expect(client.lrange(key, 0, -1)).rejects.toThrow(/max request size/);
    expect(await client.lrange(key, 0, 0)).toHaveLength(1);
  });

  it("holds scripts with allow-key-locking to the keys that they declare", async () => {
    const client = plain(server);
    const key = newKey();
    const locking = (body: string) => client.eval(`#!lua flags=allow-key-locking\n${body}`, [key], []);
    expect(await locking("redis.call('RPUSH', KEYS[1], 'x') return redis.call('llen', KEYS[1])")).toBe(1);
    expect(await locking("local _ = redis.call('TIME') return redis.pcall('HSET', KEYS[1], 'a', 'b').err")).toMatch(
      /WRONGTYPE/,
    );
    await expect(locking("return redis.call('LLEN', KEYS[1] .. ':tmp')")).rejects.toThrow(/Dynamic keys/);
    await expect(locking("return redis.call('DEL', KEYS[1], 'other')")).rejects.toThrow(/Dynamic keys.*other/);
    await expect(locking("return redis.call('FLUSHDB')")).rejects.toThrow(/does not know/);
    expect(await client.llen(key)).toBe(1);
  });

  it("keeps acknowledged writes over kill -9 and restart, and is the same address", async () => {
    const client = plain(server);
    const key = newKey();
    await client.rpush(key, "x");
    await server.kill();
    await expect(client.llen(key)).rejects.toThrow("fetch failed");
    await server.restart();
    expect(await client.llen(key)).toBe(1);
  });

  // What a store on the SDK has to cope with.
  describe("the SDK by default", () => {
    it("turns text that looks like JSON into something else", async () => {
      const client = byDefault(server);
      const key = newKey();
      const values = ["123", "true", "null", '"x"', "007", "[1]"];
      await plain(server).rpush(key, ...values);
      expect(await client.lrange(key, 0, -1)).toEqual([123, true, null, "x", "007", [1]]);
    });

    it("sends the commands of a tick together, reads apart from writes", async () => {
      const client = byDefault(viaProxy);
      const key = newKey();
      const [, length, all] = await Promise.all([client.rpush(key, "x"), client.llen(key), client.lrange(key, 0, -1)]);
      expect(proxy.log.splice(0).map(({ url }) => url)).toEqual(
        expect.arrayContaining(["/pipeline", "/pipeline", "/"]),
      );
      // No order between them: what comes back is left to chance.
      expect([0, 1]).toContain(length);
      expect(all.length).toBeLessThan(2);
      await client.eval("return 1", [], []);
      await client.exec(["EVAL", "return 1", 0]);
      expect(proxy.log.map(({ url }) => url)).toEqual(["/pipeline", "/"]);
    });

    it.each([
      ["by default", {}],
      ["with retry: false", { retry: false }],
    ])("stores twice when a reply is lost, %s", async (_title, more) => {
      const client = byDefault(viaProxy, more);
      const key = newKey();
      proxy.next(1, { kind: "reset-after" });
      expect(await client.rpush(key, "x")).toBe(2);
    });

    it("stores once with no retries at all, and says that it failed", async () => {
      const key = newKey();
      proxy.next(1, { kind: "reset-after" });
      await expect(byDefault(viaProxy, { retry: { retries: 0 } }).rpush(key, "x")).rejects.toThrow("fetch failed");
      expect(await plain(server).llen(key)).toBe(1);
    });

    it("takes an abort for an answer, unless its signal is a function", async () => {
      const key = newKey();
      proxy.always(() => ({ kind: "black-hole" }));
      const reason = "Aborted by me";
      const aborting = plain(viaProxy, { signal: AbortSignal.abort(reason) });
      expect(await aborting.exec(["RPUSH", key, "x"])).toBeTypeOf("string");
      const honest = plain(viaProxy, { signal: () => AbortSignal.timeout(200) });
      await expect(honest.rpush(key, "x")).rejects.toThrow("timeout");
    });

    it("quotes the command in its errors", async () => {
      const key = newKey();
      await plain(server).set(key, "x");
      await expect(plain(server).rpush(key, "content")).rejects.toThrow(/WRONGTYPE.*command was.*content/);
      proxy.next(1, { kind: "respond", answer: { status: 502, body: "<html>Bad gateway</html>" } });
      await expect(plain(viaProxy).get(key)).rejects.toThrow("Unable to parse response body: <html>");
    });
  });
});
