import { Agent, createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from "node:http";
import {
  createServer as createTlsServer,
  type RequestOptions,
  request as requestHttps,
  Agent as TlsAgent,
} from "node:https";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommonFault, type FaultControl, FaultPlan } from "./faults.js";
import { LOOPBACK, listen } from "./ports.js";
import { type Duration, pickMs, seededRandom } from "./random.js";

export interface HttpRequest {
  /** Counted from 1. */
  readonly number: number;
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** Names and values in turn, in the order and case in which they came. */
  readonly rawHeaders: readonly string[];
  /** Names in lower case; of one that came twice, the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpReply {
  readonly status: number;
  readonly statusText: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export type HttpFault =
  | CommonFault
  /** The server gets the request twice, one after the other; the client gets one of its replies, the second by default. */
  | { readonly kind: "duplicate"; readonly answer?: "first" | "second" }
  /** The client gets the reply, and `ms` later the server gets the request once more. */
  | { readonly kind: "late-duplicate"; readonly ms: number }
  /** A reply of ours: instead of the server's, or (`forward`) after the server acted. See `answers.ts`. */
  | { readonly kind: "respond"; readonly answer: HttpAnswer; readonly forward?: boolean }
  /** Changes what the server or the client gets. Content-Length follows the body. */
  | {
      readonly kind: "rewrite";
      readonly request?: (request: HttpRequest) => Partial<Pick<HttpRequest, "method" | "url" | "rawHeaders" | "body">>;
      readonly reply?: (reply: HttpReply) => Partial<HttpReply>;
    };

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One request in the proxy's log: no headers and no bodies, which hold credentials and messages. */
export interface HttpRecord {
  readonly number: number;
  readonly method: string;
  readonly url: string;
  readonly bytes: number;
  fault?: string;
  /** How often the server got it. */
  forwarded: number;
  /** What the client got; undefined if it got no status. */
  status?: number;
  replyBytes?: number;
}

export interface HttpCounts {
  readonly requests: number;
  /** Requests that went on to the server, duplicates included. */
  readonly forwarded: number;
  /** Requests on which the server wasn't there, or broke off. */
  readonly upstreamErrors: number;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface HttpProxyOptions {
  /** Makes the proxy speak TLS to its clients. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The authority to trust for an https target. */
  readonly ca?: string;
  /** For random delays. */
  readonly seed?: number;
}

export interface HttpProxy extends FaultControl<HttpRequest, HttpFault> {
  readonly host: string;
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  readonly counts: HttpCounts;
  /** The newest 10,000 requests. Empty it by `splice(0)` to count those of one operation. */
  readonly log: HttpRecord[];
  /** Added to every request before it goes on. */
  latency: Duration;
  /** Resolves when no request is in work and no late duplicate is due; black holes don't count. */
  settled(): Promise<void>;
  /** Refuses connections and resets the present ones, until `up()`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

const LOG_LIMIT = 10_000;

// They tell of one connection, and there are two: the client's and ours to the server.
const PER_CONNECTION = new Set(["connection", "keep-alive", "proxy-connection"]);

function* pairs(rawHeaders: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    yield [rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""];
  }
}

function without(rawHeaders: readonly string[], names: ReadonlySet<string>): string[] {
  return [...pairs(rawHeaders)].filter(([name]) => !names.has(name.toLowerCase())).flat();
}

const LENGTH = new Set(["content-length", "transfer-encoding"]);

function withLength(rawHeaders: readonly string[], body: Buffer): string[] {
  return [...without(rawHeaders, LENGTH), "Content-Length", String(body.length)];
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answerToReply(answer: HttpAnswer): HttpReply {
  const body = Buffer.from(answer.body ?? "");
  return {
    status: answer.status,
    statusText: "",
    rawHeaders: withLength(Object.entries(answer.headers ?? {}).flat(), body),
    body,
  };
}

/**
 * An HTTP/1.1 proxy on loopback that passes everything on, until told otherwise. It reads each request and each reply
 * whole. The server gets path, headers (order, case, Host: what a signature may cover) and body as the client sent them;
 * only the headers that concern one connection are the proxy's own.
 */
export async function httpProxy(target: string | URL, options: HttpProxyOptions = {}): Promise<HttpProxy> {
  const { protocol, hostname, port: targetPort } = new URL(target);
  const secure = protocol === "https:";
  const agent = secure ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const upstream: RequestOptions = {
    hostname,
    port: targetPort || (secure ? 443 : 80),
    agent,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  };
  const plan = new FaultPlan<HttpRequest, HttpFault>();
  const random = seededRandom(options.seed ?? 1);
  const counts = { requests: 0, forwarded: 0, upstreamErrors: 0 };
  const log: HttpRecord[] = [];
  const sockets = new Map<number, Socket>();
  const working = new Set<Promise<void>>();
  let latency: Duration = 0;

  function forward(request: HttpRequest, record: HttpRecord): Promise<HttpReply> {
    counts.forwarded += 1;
    record.forwarded += 1;
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? requestHttps : requestHttp)({
        ...upstream,
        method: request.method,
        path: request.url,
        headers: without(request.rawHeaders, PER_CONNECTION),
      });
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        bodyOf(incoming).then((body) => {
          const rawHeaders = without(incoming.rawHeaders, PER_CONNECTION);
          resolve({ status: incoming.statusCode ?? 0, statusText: incoming.statusMessage ?? "", rawHeaders, body });
        }, reject);
      });
      outgoing.end(request.body);
    });
  }

  const reset = (response: ServerResponse) => {
    const socket = response.req.socket;
    // A TLS socket can't be reset itself, the TCP socket below it can.
    const raw = socket.remotePort === undefined ? undefined : sockets.get(socket.remotePort);
    if (raw === undefined) socket.destroy();
    else raw.resetAndDestroy();
  };

  function begin(response: ServerResponse, reply: HttpReply, record: HttpRecord): void {
    response.sendDate = false;
    record.status = reply.status;
    response.writeHead(reply.status, reply.statusText, [...reply.rawHeaders]);
  }

  // A client that died meanwhile gets no reply, and its response tells nothing any more: neither "close" nor what was written.
  const isGone = (response: ServerResponse) => response.destroyed || response.req.socket.destroyed;

  async function send(response: ServerResponse, reply: HttpReply, record: HttpRecord): Promise<void> {
    if (isGone(response)) return;
    begin(response, reply, record);
    record.replyBytes = reply.body.length;
    await new Promise<void>((resolve) => {
      response.once("close", resolve);
      response.end(reply.body);
    });
  }

  async function truncate(
    response: ServerResponse,
    reply: HttpReply,
    fault: HttpFault & { readonly kind: "truncate-reply" },
    record: HttpRecord,
  ): Promise<void> {
    if (isGone(response)) return;
    begin(response, reply, record);
    response.flushHeaders();
    const part = reply.body.subarray(0, fault.bytes);
    record.replyBytes = part.length;
    await new Promise<void>((resolve) => {
      // Also when the client goes just now: then what is written is dropped without a word.
      response.once("close", resolve);
      const cut = () => {
        if (fault.end === "close") response.req.socket.destroySoon();
        else reset(response);
        resolve();
      };
      if (part.length === 0) setImmediate(cut);
      else response.write(part, cut);
    });
  }

  function track(work: Promise<void>): void {
    working.add(work);
    const done = () => working.delete(work);
    work.then(done, done);
  }

  async function silence(
    fault: HttpFault & { readonly kind: "black-hole" },
    request: HttpRequest,
    record: HttpRecord,
    response: ServerResponse,
  ): Promise<void> {
    if (fault.ms !== undefined) setTimeout(() => reset(response), fault.ms).unref();
    if (fault.forward === true) await forward(request, record);
  }

  async function exchange(request: HttpRequest, response: ServerResponse, record: HttpRecord): Promise<void> {
    if (await plan.dropped("request", request)) return reset(response);
    const fault = await plan.choose(request);
    if (fault !== undefined) record.fault = fault.kind;
    await sleep(pickMs(latency, random));

    // What the server gets, and the reply for the client if it is to get one.
    let reply: HttpReply;
    switch (fault?.kind) {
      case "reset-before":
        return reset(response);
      case "black-hole":
        return silence(fault, request, record, response);
      case "delay":
        await sleep(pickMs(fault.ms, random));
        reply = await forward(request, record);
        break;
      case "duplicate": {
        const first = await forward(request, record);
        const second = await forward(request, record);
        reply = fault.answer === "first" ? first : second;
        break;
      }
      case "respond":
        if (fault.forward === true) await forward(request, record);
        reply = answerToReply(fault.answer);
        break;
      case "rewrite": {
        const changed = { ...request, ...fault.request?.(request) };
        const rawHeaders =
          changed.body === request.body ? changed.rawHeaders : withLength(changed.rawHeaders, changed.body);
        const original = await forward({ ...changed, rawHeaders }, record);
        reply = { ...original, ...fault.reply?.(original) };
        if (reply.body !== original.body) reply = { ...reply, rawHeaders: withLength(reply.rawHeaders, reply.body) };
        break;
      }
      default:
        reply = await forward(request, record);
    }

    if (await plan.dropped("reply", request)) return reset(response);
    if (fault?.kind === "reset-after") return reset(response);
    if (fault?.kind === "truncate-reply") return truncate(response, reply, fault, record);
    await send(response, reply, record);
    if (fault?.kind === "late-duplicate") {
      track(sleep(fault.ms).then(async () => void (await forward(request, record).catch(upstreamFailed))));
    }
  }

  const upstreamFailed = () => {
    counts.upstreamErrors += 1;
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming).catch(() => undefined);
    if (body === undefined) return;
    const request: HttpRequest = {
      number: ++counts.requests,
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      rawHeaders: incoming.rawHeaders,
      headers: Object.fromEntries([...pairs(incoming.rawHeaders)].map(([name, value]) => [name.toLowerCase(), value])),
      body,
    };
    const { number, method, url } = request;
    const record: HttpRecord = { number, method, url, bytes: body.length, forwarded: 0 };
    log.push(record);
    if (log.length > LOG_LIMIT) log.shift();
    try {
      await exchange(request, response, record);
    } catch {
      // As the client's own connection would have told it.
      upstreamFailed();
      reset(response);
    }
  }

  const handle = (incoming: IncomingMessage, response: ServerResponse) => track(serve(incoming, response));
  const settings = { maxHeaderSize: 64 * 1024, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };
  const server =
    options.tls === undefined
      ? createServer(settings, handle)
      : createTlsServer({ ...settings, cert: options.tls.cert, key: options.tls.key }, handle);
  server.on("connection", (socket) => {
    const { remotePort } = socket;
    if (remotePort === undefined) return;
    sockets.set(remotePort, socket);
    socket.once("close", () => {
      if (sockets.get(remotePort) === socket) sockets.delete(remotePort);
    });
  });
  const port = await listen(server);

  const down = async () => {
    const closed = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : undefined;
    for (const socket of sockets.values()) socket.resetAndDestroy();
    await closed;
  };

  return {
    host: LOOPBACK,
    port,
    url: `${options.tls === undefined ? "http" : "https"}://${LOOPBACK}:${port}`,
    get counts() {
      return { ...counts, faults: { ...plan.counts } };
    },
    log,
    get latency() {
      return latency;
    },
    set latency(value) {
      latency = value;
    },
    next: plan.next.bind(plan),
    always: plan.always.bind(plan),
    intercept: plan.intercept.bind(plan),
    async settled() {
      while (working.size > 0) await Promise.allSettled([...working]);
    },
    down,
    up: async () => {
      if (!server.listening) await listen(server, port);
    },
    async close() {
      await down();
      agent.destroy();
    },
  };
}
