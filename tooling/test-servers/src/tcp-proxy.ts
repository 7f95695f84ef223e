import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommonFault, type FaultControl, FaultPlan } from "./faults.js";
import { LOOPBACK, listen } from "./ports.js";
import { type Duration, pickMs, seededRandom } from "./random.js";

/**
 * What the proxy takes for a request: the bytes that one read of the client's socket gave. For a client that waits for
 * each answer that is a request or the beginning of a long one; a pipelining client's may hold several.
 */
export interface TcpRequest {
  /** Counted from 1, over the life of the proxy. */
  readonly connection: number;
  /** Counted from 1, over all connections. */
  readonly number: number;
  readonly data: Buffer;
}

/**
 * "reset-after" and "truncate-reply" take the first reply bytes that follow for the reply. Requests that the client had
 * already sent on that connection may be the ones answered; the server is always given what was forwarded. Duplicated
 * requests exist at HTTP level only: bytes sent twice break the framing of a TCP protocol, which no network does.
 */
export type TcpFault = CommonFault;

export interface TcpCounts {
  readonly connections: number;
  readonly requests: number;
  /** Requests that went on to the server. */
  readonly forwarded: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Connections on which the server wasn't there, or broke off. */
  readonly upstreamErrors: number;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface TcpProxyOptions {
  /** For random latency. */
  readonly seed?: number;
}

export interface TcpProxy extends FaultControl<TcpRequest, TcpFault> {
  readonly host: string;
  readonly port: number;
  readonly counts: TcpCounts;
  /** Added to every chunk, either way, in order. */
  latency: Duration;
  /** Stops forwarding, either way, also on new connections, until `thaw()`, which lets everything go on. */
  freeze(): void;
  thaw(): void;
  /** Refuses connections and resets the present ones, until `up()`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Resets the present connections. */
  resetAll(): void;
  close(): Promise<void>;
}

/** What is to become of the replies on a connection. */
type ReplyFate =
  | { readonly kind: "pass" }
  | { readonly kind: "reset" }
  | { readonly kind: "swallow" }
  | { readonly kind: "truncate"; left: number; readonly end: "reset" | "close" };

/** A TCP proxy on loopback that passes everything on, until told otherwise. */
export async function tcpProxy(
  target: { readonly host?: string; readonly port: number },
  options: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const plan = new FaultPlan<TcpRequest, TcpFault>();
  const random = seededRandom(options.seed ?? 1);
  const counts = { connections: 0, requests: 0, forwarded: 0, bytesUp: 0, bytesDown: 0, upstreamErrors: 0 };
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let latency: Duration = 0;
  let frozen = false;
  let thawed = Promise.resolve();
  let thaw = () => {};

  const arrival = () => Date.now() + pickMs(latency, random);
  const due = async (at: number) => {
    if (at > Date.now()) await sleep(at - Date.now());
    await thawed;
  };

  function serve(client: Socket): void {
    const connection = ++counts.connections;
    const upstream = connect({ host: target.host ?? LOOPBACK, port: target.port, allowHalfOpen: true });
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    clients.add(client);
    upstreams.add(upstream);
    let fate: ReplyFate = { kind: "pass" };
    let swallowing = false;
    let last: TcpRequest | undefined;

    // The server's side is closed in good order, so that it acts on all that it was sent.
    const reset = () => {
      resetSocket(client);
      upstream.end();
    };

    async function forwardUp(data: Buffer): Promise<void> {
      if (swallowing || client.destroyed) return;
      const request: TcpRequest = { connection, number: ++counts.requests, data };
      if (await plan.dropped("request", request)) return reset();
      const fault = await plan.choose(request);
      if (client.destroyed) return;
      switch (fault?.kind) {
        case undefined:
          break;
        case "delay":
          await sleep(pickMs(fault.ms, random));
          break;
        case "reset-before":
          return reset();
        case "reset-after":
          fate = { kind: "reset" };
          break;
        case "truncate-reply":
          fate = { kind: "truncate", left: fault.bytes, end: fault.end ?? "reset" };
          break;
        case "black-hole":
          swallowing = true;
          fate = { kind: "swallow" };
          if (fault.ms !== undefined) setTimeout(reset, fault.ms).unref();
          if (fault.forward !== true) return;
          break;
      }
      last = request;
      counts.forwarded += 1;
      counts.bytesUp += data.length;
      upstream.write(data);
    }

    async function forwardDown(data: Buffer): Promise<void> {
      if (client.destroyed || fate.kind === "swallow") return;
      if (last !== undefined && (await plan.dropped("reply", last))) return reset();
      if (client.destroyed) return;
      if (fate.kind === "reset") return reset();
      const part = fate.kind === "truncate" ? data.subarray(0, fate.left) : data;
      counts.bytesDown += part.length;
      if (fate.kind !== "truncate") {
        client.write(part);
        return;
      }
      const { end } = fate;
      fate.left -= part.length;
      if (fate.left > 0) {
        client.write(part);
        return;
      }
      fate = { kind: "swallow" };
      swallowing = true;
      const cut = () => {
        if (end === "reset") return reset();
        client.end();
        upstream.end();
      };
      if (part.length === 0) cut();
      else client.write(part, cut);
    }

    const inOrder = (work: (data: Buffer) => Promise<void>) => {
      let queue = Promise.resolve();
      const add = (step: () => void | Promise<void>) => {
        const at = arrival();
        queue = queue.then(() => due(at)).then(step);
        queue.catch((error: Error) => client.destroy(error));
      };
      return { data: (data: Buffer) => add(() => work(data)), end: (step: () => void) => add(step) };
    };
    const up = inOrder(forwardUp);
    const down = inOrder(forwardDown);

    client.on("data", up.data);
    client.on("end", () => {
      up.end(() => void upstream.end());
      // A client that gave a black hole up need not wait for it.
      if (swallowing) client.end();
    });
    client.on("error", () => {});
    client.on("close", () => {
      clients.delete(client);
      up.end(() => void upstream.end());
    });
    upstream.on("data", down.data);
    upstream.on("end", () =>
      down.end(() => {
        if (!swallowing) client.end();
      }),
    );
    upstream.on("error", () => {
      counts.upstreamErrors += 1;
      // A server that is gone is told to the client as its own connection would tell it, black holes apart.
      down.end(() => {
        if (!swallowing) resetSocket(client);
      });
    });
    upstream.on("close", () => upstreams.delete(upstream));
  }

  const server = createServer({ allowHalfOpen: true }, serve);
  const port = await listen(server);

  const resetAll = () => {
    for (const client of clients) resetSocket(client);
    for (const upstream of upstreams) upstream.end();
  };
  const down = async () => {
    if (!server.listening) return resetAll();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    resetAll();
    await closed;
  };

  return {
    host: LOOPBACK,
    port,
    get counts() {
      return { ...counts, faults: { ...plan.counts } };
    },
    get latency() {
      return latency;
    },
    set latency(value) {
      latency = value;
    },
    next: plan.next.bind(plan),
    always: plan.always.bind(plan),
    intercept: plan.intercept.bind(plan),
    freeze() {
      if (frozen) return;
      frozen = true;
      thawed = new Promise((resolve) => {
        thaw = () => {
          frozen = false;
          resolve();
        };
      });
    },
    thaw: () => thaw(),
    down,
    up: async () => {
      if (!server.listening) await listen(server, port);
    },
    resetAll,
    async close() {
      await down();
      thaw();
      for (const upstream of upstreams) upstream.destroy();
    },
  };
}

/** One that is ending already can't be reset: Node 20 fails, and never closes its handle. */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
