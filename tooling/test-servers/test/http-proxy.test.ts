import { Agent, createServer, type IncomingMessage, request as requestHttp, type Server } from "node:http";
import { createServer as createTlsServer, request as requestHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type HttpProxy,
  httpProxy,
  makeCertificates,
  provisionedThroughputExceeded,
  serverBusy,
  tooManyRequests,
  transactionCanceled,
  transactionConflict,
} from "../src/index.js";

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

interface Options {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: string[];
  readonly body?: Buffer | string;
  readonly ca?: string;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The raw way, since fetch hides headers and mends connections. */
function send(base: string, options: Options = {}): Promise<Seen & { readonly status: number | undefined }> {
  const url = new URL(base);
  const headers = options.headers ?? [
    "Host",
    url.host,
    "Content-Length",
    String(Buffer.byteLength(options.body ?? "")),
  ];
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === "https:" ? requestHttps : requestHttp)(
      {
        hostname: url.hostname,
        port: url.port,
        method: options.method ?? "POST",
        path: options.path ?? "/",
        headers,
        agent: options.agent ?? false,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (incoming) => {
        const { method, url: path, rawHeaders, statusCode: status } = incoming;
        bodyOf(incoming).then((body) => resolve({ method, url: path, rawHeaders, status, body }), reject);
      },
    );
    outgoing.once("error", reject);
    outgoing.end(options.body);
  });
}

const seen: Seen[] = [];
const sockets = new Set<unknown>();

async function serve(incoming: IncomingMessage): Promise<Buffer> {
  const { method, url, rawHeaders } = incoming;
  const body = await bodyOf(incoming);
  seen.push({ method, url, rawHeaders, body });
  sockets.add(incoming.socket);
  return body;
}

const listen = (server: Server) =>
  new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

describe("an HTTP proxy", () => {
  let server: Server;
  let target: string;
  let proxy: HttpProxy;

  beforeEach(async () => {
    seen.length = 0;
    sockets.clear();
    server = createServer((incoming, response) => {
      serve(incoming).then((body) => {
        if (incoming.url === "/empty") return response.writeHead(204).end();
        if (incoming.url === "/cookies")
          return response.writeHead(200, ["Set-Cookie", "a=1", "SET-cookie", "b=2"]).end();
        if (incoming.url === "/chunks") {
          response.write("one");
          response.write("two");
          return response.end();
        }
        if (incoming.url === "/die") return incoming.socket.destroy();
        const reply = incoming.method === "HEAD" ? "" : `${seen.length}:`;
        response.writeHead(200, { "X-Order": String(seen.length), "Content-Length": reply.length + body.length });
        response.end(incoming.method === "HEAD" ? "" : Buffer.concat([Buffer.from(reply), body]));
      });
    });
    target = `http://127.0.0.1:${await listen(server)}`;
    proxy = await httpProxy(target);
  });

  afterEach(async () => {
    await proxy.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  describe("passes on", () => {
    const binary = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 256));

    it.each([undefined, { kind: "truncate-reply", bytes: 2 } as const])(
      "settles when a client goes while its request is at the server (%o)",
      async (fault) => {
        const client = new AbortController();
        proxy.always(fault);
        proxy.intercept({
          reply: async () => {
            client.abort();
            // Until the proxy has seen it.
            await new Promise((resolve) => setTimeout(resolve, 50));
            return undefined;
          },
        });
        await expect(send(proxy.url, { signal: client.signal })).rejects.toThrow();
        await proxy.settled();
      },
    );

    it("path, header order and case, Host and body as the client sent them", async () => {
      const headers = [
        ...["host", "signed.example.com", "X-Amz-Date", "20260101T000000Z", "x-lower", "é".normalize("NFC")],
        ...["AUTHORIZATION", "AWS4-HMAC-SHA256 …".replace("…", "x"), "X-Twice", "1", "x-twice", "2"],
        ...["Content-Length", String(binary.length)],
      ];
      const path = "/a%2Fb//c/../d?x=%20&y='*'(1)";
      const reply = await send(proxy.url, { method: "PUT", path, headers, body: binary });
      expect(seen).toHaveLength(1);
      expect(seen[0]!.method).toBe("PUT");
      expect(seen[0]!.url).toBe(path);
      expect(seen[0]!.rawHeaders.slice(0, headers.length)).toEqual(headers);
      expect(seen[0]!.rawHeaders.slice(headers.length)).toEqual(["Connection", "keep-alive"]);
      expect(seen[0]!.body.equals(binary)).toBe(true);
      expect(reply.body.equals(Buffer.concat([Buffer.from("1:"), binary]))).toBe(true);
    });

    it("chunked bodies, either way", async () => {
      const headers = ["Host", "h", "Transfer-Encoding", "chunked"];
      const reply = await send(proxy.url, { path: "/chunks", headers, body: binary });
      expect(seen[0]!.body.equals(binary)).toBe(true);
      expect(seen[0]!.rawHeaders.slice(0, 4)).toEqual(headers);
      expect(reply.body.toString()).toBe("onetwo");
      expect(reply.rawHeaders).toContain("Transfer-Encoding");
    });

    it("replies without a body, and headers that come twice", async () => {
      expect((await send(proxy.url, { path: "/empty" })).status).toBe(204);
      expect((await send(proxy.url, { method: "HEAD" })).status).toBe(200);
      const { rawHeaders } = await send(proxy.url, { path: "/cookies" });
      expect(rawHeaders.slice(0, 4)).toEqual(["Set-Cookie", "a=1", "SET-cookie", "b=2"]);
    });

    it("many requests on one connection, and what fetch sends", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let index = 1; index <= 5; index++) {
        expect((await send(proxy.url, { agent, body: "x" })).body.toString()).toBe(`${index}:x`);
      }
      expect(sockets.size).toBe(1);
      agent.destroy();
      expect(await (await fetch(proxy.url, { method: "POST", body: "y" })).text()).toBe("6:y");
    });

    it("and counts and logs, without content", async () => {
      await send(proxy.url, { body: "secret" });
      await fetch(`${proxy.url}/chunks`, { headers: { authorization: "secret" } });
      expect(proxy.counts).toEqual({ requests: 2, forwarded: 2, upstreamErrors: 0, faults: {} });
      expect(proxy.log.splice(0)).toEqual([
        { number: 1, method: "POST", url: "/", bytes: 6, forwarded: 1, status: 200, replyBytes: 8 },
        { number: 2, method: "GET", url: "/chunks", bytes: 0, forwarded: 1, status: 200, replyBytes: 6 },
      ]);
      expect(proxy.log).toEqual([]);
    });
  });

  describe("fault:", () => {
    it("reset before the server saw the request", async () => {
      proxy.next(1, { kind: "reset-before" });
      await expect(send(proxy.url)).rejects.toThrow("ECONNRESET");
      expect(seen).toHaveLength(0);
      expect((await send(proxy.url)).status).toBe(200);
      expect(proxy.log[0]).toEqual({
        ...{ number: 1, method: "POST", url: "/", bytes: 0 },
        ...{ fault: "reset-before", forwarded: 0 },
      });
    });

    it("reset after the server acted", async () => {
      proxy.next(1, { kind: "reset-after" });
      await expect(send(proxy.url)).rejects.toThrow("ECONNRESET");
      expect(seen).toHaveLength(1);
      expect(proxy.counts.faults).toEqual({ "reset-after": 1 });
    });

    it.each(["reset", "close"] as const)("a reply cut after some bytes (%s)", async (end) => {
      proxy.next(1, { kind: "truncate-reply", bytes: 100, end });
      const received = new Promise<{ status: number | undefined; bytes: number; code: string | undefined }>(
        (resolve) => {
          const outgoing = requestHttp(`${proxy.url}/`, { method: "POST", agent: false }, (incoming) => {
            let bytes = 0;
            incoming.on("data", (chunk: Buffer) => {
              bytes += chunk.length;
            });
            incoming.once("error", (error: NodeJS.ErrnoException) =>
              resolve({ status: incoming.statusCode, bytes, code: error.code }),
            );
          });
          outgoing.end("x".repeat(1_000));
        },
      );
      expect(await received).toEqual({ status: 200, bytes: 100, code: "ECONNRESET" });
      proxy.next(1, { kind: "truncate-reply", bytes: 0, end });
      await expect(send(proxy.url, { body: "x" })).rejects.toThrow();
      proxy.next(1, { kind: "truncate-reply", bytes: 2, end }, (request) => request.url === "/chunks");
      await expect(send(proxy.url, { path: "/chunks" })).rejects.toThrow();
    });

    it.each(["first", "second"] as const)("a doubled request, with the %s answer", async (answer) => {
      proxy.next(1, { kind: "duplicate", answer });
      const reply = await send(proxy.url, { body: "x" });
      expect(reply.body.toString()).toBe(answer === "first" ? "1:x" : "2:x");
      expect(seen).toHaveLength(2);
      expect(seen[0]).toEqual(seen[1]);
      expect(proxy.log[0]?.forwarded).toBe(2);
    });

    it("a late double, after other writes", async () => {
      proxy.next(1, { kind: "late-duplicate", ms: 50 });
      expect((await send(proxy.url, { body: "a" })).body.toString()).toBe("1:a");
      await send(proxy.url, { body: "b" });
      await proxy.settled();
      expect(seen.map(({ body }) => body.toString())).toEqual(["a", "b", "a"]);
    });

    it("a black hole, before and after the server", async () => {
      const timedOut = (forward: boolean) => {
        proxy.next(1, { kind: "black-hole", forward });
        return expect(send(proxy.url, { signal: AbortSignal.timeout(300) })).rejects.toThrow("aborted");
      };
      await timedOut(false);
      expect(seen).toHaveLength(0);
      await timedOut(true);
      expect(seen).toHaveLength(1);
      proxy.next(1, { kind: "black-hole", ms: 20 });
      await expect(send(proxy.url)).rejects.toThrow("ECONNRESET");
      expect(seen).toHaveLength(1);
    });

    it("is settled although a client has gone before its reply comes", async () => {
      let answer = () => {};
      const held = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const release = proxy.intercept({
        reply: async () => {
          await held;
          return undefined;
        },
      });
      await expect(send(proxy.url, { signal: AbortSignal.timeout(100) })).rejects.toThrow("aborted");
      await new Promise((resolve) => setTimeout(resolve, 100));
      release();
      answer();
      await proxy.settled();
      expect(proxy.log[0]?.forwarded).toBe(1);
    });

    it("a delay and latency hold the request back", async () => {
      proxy.next(1, { kind: "delay", ms: 3_600_000 }, (request) => request.url === "/slow");
      send(proxy.url, { path: "/slow" }).catch(() => {});
      for (let index = 0; index < 10; index++) await send(proxy.url);
      expect(proxy.log.find((record) => record.url === "/slow")).toMatchObject({ fault: "delay", forwarded: 0 });
      proxy.latency = 3_600_000;
      send(proxy.url).catch(() => {});
      for (let index = 0; index < 10; index++) await send(target);
      expect(proxy.counts.forwarded).toBe(10);
    });

    it.each([false, true])("an answer of its own (forward: %s)", async (forward) => {
      const answer = { status: 429, headers: { "Retry-After": "1" }, body: "slow down" };
      proxy.next(1, { kind: "respond", answer, forward });
      const reply = await send(proxy.url);
      expect(reply.status).toBe(429);
      expect(reply.body.toString()).toBe("slow down");
      expect(reply.rawHeaders.slice(0, 4)).toEqual(["Retry-After", "1", "Content-Length", "9"]);
      expect(seen).toHaveLength(forward ? 1 : 0);
    });

    it("the services' throttling answers", async () => {
      const asked = [tooManyRequests, serverBusy, provisionedThroughputExceeded, transactionConflict];
      const statuses: number[] = [];
      for (const fault of [...asked, transactionCanceled(3)]) {
        proxy.next(1, fault);
        const reply = await fetch(proxy.url);
        statuses.push(reply.status);
        expect(await reply.json()).toBeTypeOf("object");
      }
      expect(statuses).toEqual([429, 503, 400, 400, 400]);
    });

    it("a changed request and a changed reply", async () => {
      proxy.next(1, {
        kind: "rewrite",
        request: ({ body }) => ({ body: Buffer.concat([body, Buffer.from("+")]) }),
        reply: ({ body }) => ({ status: 201, body: Buffer.from(body.toString().repeat(2)) }),
      });
      const reply = await send(proxy.url, { body: "x" });
      expect(seen[0]!.body.toString()).toBe("x+");
      expect(reply.status).toBe(201);
      expect(reply.body.toString()).toBe("1:x+1:x+");
    });

    it("refused connections while it is down", async () => {
      await proxy.down();
      await expect(send(proxy.url)).rejects.toThrow("ECONNREFUSED");
      await proxy.up();
      expect((await send(proxy.url)).status).toBe(200);
    });

    it("a server that breaks off or is gone breaks the client off", async () => {
      await expect(send(proxy.url, { path: "/die" })).rejects.toThrow("ECONNRESET");
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await expect(send(proxy.url)).rejects.toThrow("ECONNRESET");
      expect(proxy.counts.upstreamErrors).toBe(2);
    });

    it("chosen by the request, for one caller of many", async () => {
      proxy.always((request) => (request.headers.authorization === "bad" ? { kind: "reset-before" } : undefined));
      const [good, bad] = await Promise.allSettled([
        fetch(proxy.url, { headers: { Authorization: "good" } }),
        fetch(proxy.url, { headers: { Authorization: "bad" } }),
      ]);
      expect([good.status, bad.status]).toEqual(["fulfilled", "rejected"]);
    });
  });
});

describe("an HTTP proxy with TLS on both sides", () => {
  it("passes on and resets", async () => {
    const certificates = await makeCertificates();
    seen.length = 0;
    const server = createTlsServer(certificates, (incoming, response) => {
      serve(incoming).then((body) => response.end(body));
    });
    const port = await listen(server);
    const proxy = await httpProxy(`https://127.0.0.1:${port}`, { tls: certificates, ca: certificates.ca });
    const doubting = await httpProxy(`https://127.0.0.1:${port}`);
    try {
      const { ca } = certificates;
      expect(proxy.url).toMatch(/^https:/);
      expect((await send(proxy.url, { ca, body: "x" })).body.toString()).toBe("x");
      proxy.next(1, { kind: "reset-after" });
      await expect(send(proxy.url, { ca, body: "y" })).rejects.toThrow("ECONNRESET");
      expect(seen.map(({ body }) => body.toString())).toEqual(["x", "y"]);
      proxy.next(1, { kind: "truncate-reply", bytes: 1 });
      await expect(send(proxy.url, { ca, body: "zzz" })).rejects.toThrow();
      await expect(send(proxy.url)).rejects.toThrow("certificate");
      await expect(send(doubting.url)).rejects.toThrow("ECONNRESET");
    } finally {
      await proxy.close();
      await doubting.close();
      server.closeAllConnections();
      server.close();
    }
  });
});
