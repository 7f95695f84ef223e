import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import {
  type HttpRequest,
  httpProxy,
  randomFaults,
  type TcpRequest,
  tcpProxy,
  through,
  tooManyRequests,
} from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";
import { connectTo, disconnectAll } from "./connect.js";

const shared = runningServer("redis");
const tcpRequest: TcpRequest = { connection: 1, number: 1, data: Buffer.alloc(0) };
const httpRequest: HttpRequest = {
  number: 1,
  method: "GET",
  url: "/",
  rawHeaders: [],
  headers: {},
  body: tcpRequest.data,
};

describe("a schedule of random faults", () => {
  const rates = { "reset-before": 0.1, "reset-after": 0.1, delay: 0.1, "black-hole": 0.1, "truncate-reply": 0.1 };

  it("is the same for the same seed, and another for another", () => {
    const take = (seed: number) => {
      const decide = randomFaults(seed, rates).tcp();
      return Array.from({ length: 200 }, () => decide(tcpRequest));
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
  });

  it("keeps the shares and tells what it did", () => {
    const faults = randomFaults(7, { ...rates, duplicate: 0.1 });
    const decide = faults.http();
    for (let index = 0; index < 10_000; index++) decide(httpRequest);
    expect(faults.requests).toBe(10_000);
    for (const count of Object.values(faults.counts)) expect(Math.abs(count - 1_000)).toBeLessThan(200);
    expect(faults.summary()).toMatch(/^faults \(seed 7\): reset-before \d+, .*duplicate \d+; of 10000 requests$/);
    faults.enabled = false;
    expect(decide(httpRequest)).toBeUndefined();
    expect(faults.requests).toBe(10_000);
  });

  it("refuses what it can't do", () => {
    expect(() => randomFaults(1, { duplicate: 0.1 }).tcp()).toThrow("duplicate");
    expect(() => randomFaults(1, { respond: 0.1 }).http()).toThrow("answers");
    expect(() => randomFaults(1, { delay: 0.6, "reset-after": 0.6 })).toThrow(RangeError);
  });
});

describe.runIf(shared)("a soak run", () => {
  it("on TCP: what was acknowledged is there once, what failed at most once", async () => {
    const list = "test-servers:soak";
    const direct = connectTo(shared!.url);
    await direct.del(list);
    const proxy = await tcpProxy(shared!);
    const faults = randomFaults(3, { "reset-before": 0.1, "reset-after": 0.1, "truncate-reply": 0.1, delay: 0.2 });
    const client = connectTo(through(shared!.url, proxy), { maxRetriesPerRequest: 0, retryStrategy: () => 1 });
    await client.ping();
    proxy.always(faults.tcp());
    const failed = new Set<string>();
    for (let index = 0; index < 200; index++) {
      const value = String(index);
      await client.rpush(list, value).catch(() => failed.add(value));
    }
    faults.enabled = false;
    const stored = await direct.lrange(list, 0, -1);
    await direct.del(list);
    disconnectAll();
    await proxy.close();
    expect(new Set(stored).size).toBe(stored.length);
    expect(failed.size).toBeGreaterThan(0);
    for (let index = 0; index < 200; index++) {
      if (!failed.has(String(index))) expect(stored).toContain(String(index));
    }
    expect(stored.some((value) => failed.has(value))).toBe(true);
  });
});

describe("a soak run on HTTP", () => {
  it("reaches every fault", async () => {
    let served = 0;
    const server = createServer((_, response) => {
      served += 1;
      response.end("a reply");
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
    });
    const proxy = await httpProxy(`http://127.0.0.1:${port}`);
    const kinds = ["delay", "reset-before", "reset-after", "truncate-reply", "black-hole", "duplicate"] as const;
    const rates = { ...Object.fromEntries(kinds.map((kind) => [kind, 0.1])), "late-duplicate": 0.1, respond: 0.1 };
    const faults = randomFaults(5, rates, { answers: [tooManyRequests], bytes: 7, ms: { min: 0, max: 5 } });
    proxy.always(faults.http());
    for (let index = 0; index < 300; index++) {
      await fetch(proxy.url)
        .then(
          (reply) => reply.text(),
          () => "",
        )
        .catch(() => "");
    }
    await proxy.settled();
    const { counts } = proxy;
    await proxy.close();
    server.closeAllConnections();
    server.close();
    expect(counts.faults).toEqual(faults.counts);
    expect(Object.keys(counts.faults)).toHaveLength(8);
    expect(counts.forwarded).toBe(served);
    expect(counts.upstreamErrors).toBe(0);
  });
});
