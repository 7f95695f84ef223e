import type { Duration } from "./random.js";

/** Faults that make sense whatever the protocol. */
export type CommonFault =
  /** The request waits before it goes on to the server. */
  | { readonly kind: "delay"; readonly ms: Duration }
  /** The client's connection is reset; the server never sees the request. */
  | { readonly kind: "reset-before" }
  /** The server acts; its reply is dropped and the client's connection reset. */
  | { readonly kind: "reset-after" }
  /** `bytes` of the reply get through (HTTP: of its body), then the connection is reset, or closed in good order. */
  | { readonly kind: "truncate-reply"; readonly bytes: number; readonly end?: "reset" | "close" }
  /**
   * The connection stays open and silent; `forward`: the server still gets this request. With `ms` it is reset after that
   * time, so that a client without a timeout of its own goes on.
   */
  | { readonly kind: "black-hole"; readonly forward?: boolean; readonly ms?: number };

/** What to do to a request; undefined: let it pass. */
export type Decide<Request, Fault> = (request: Request) => Fault | undefined | Promise<Fault | undefined>;

/**
 * Watches requests on their way and can hold them, by a promise. "drop" resets the client's connection: a request is then
 * not forwarded, a reply not passed on.
 */
export interface Hooks<Request> {
  readonly request?: (request: Request) => Promise<"drop" | undefined>;
  readonly reply?: (request: Request) => Promise<"drop" | undefined>;
}

/** A fault for the next few requests. */
export interface Ordered {
  /** Requests that had it so far. */
  readonly hits: number;
  /** Resolves when all have had it. */
  readonly done: Promise<void>;
  cancel(): void;
}

export interface FaultControl<Request, Fault> {
  /** `fault` for the next `count` requests that match; before what `always` decides. */
  next(count: number, fault: Fault, matches?: (request: Request) => boolean): Ordered;
  /** For every request from now on; undefined: no faults. */
  always(fault: Fault | Decide<Request, Fault> | undefined): void;
  /** Returns what takes the hooks out again. */
  intercept(hooks: Hooks<Request>): () => void;
}

interface Order<Request, Fault> {
  readonly fault: Fault;
  readonly matches: (request: Request) => boolean;
  readonly hit: () => void;
  left: number;
}

/** Decides which request gets which fault, and counts. Both proxies have one. */
export class FaultPlan<Request, Fault extends { readonly kind: string }> implements FaultControl<Request, Fault> {
  readonly counts: Record<string, number> = {};
  private orders: Order<Request, Fault>[] = [];
  private readonly hooks = new Set<Hooks<Request>>();
  private decide: Decide<Request, Fault> = () => undefined;

  next(count: number, fault: Fault, matches: (request: Request) => boolean = () => true): Ordered {
    let hits = 0;
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const hit = () => {
      hits += 1;
      if (hits === count) finish();
    };
    const order: Order<Request, Fault> = { fault, matches, hit, left: count };
    this.orders.push(order);
    return {
      get hits() {
        return hits;
      },
      done,
      cancel: () => {
        order.left = 0;
      },
    };
  }

  always(fault: Fault | Decide<Request, Fault> | undefined): void {
    this.decide = typeof fault === "function" ? fault : () => fault;
  }

  intercept(hooks: Hooks<Request>): () => void {
    this.hooks.add(hooks);
    return () => this.hooks.delete(hooks);
  }

  async choose(request: Request): Promise<Fault | undefined> {
    this.orders = this.orders.filter((order) => order.left > 0);
    const order = this.orders.find((one) => one.matches(request));
    if (order !== undefined) order.left -= 1;
    const fault = order === undefined ? await this.decide(request) : order.fault;
    if (fault !== undefined) this.counts[fault.kind] = (this.counts[fault.kind] ?? 0) + 1;
    order?.hit();
    return fault;
  }

  /** Whether a hook wants the request, or its reply, dropped. */
  async dropped(when: "request" | "reply", request: Request): Promise<boolean> {
    for (const hooks of [...this.hooks]) if ((await hooks[when]?.(request)) === "drop") return true;
    return false;
  }
}

/** The same address by way of a proxy. */
export function through(url: string, proxy: { readonly host: string; readonly port: number }): string {
  const result = new URL(url);
  result.hostname = proxy.host;
  result.port = String(proxy.port);
  return result.href.replace(/\/$/, url.endsWith("/") ? "/" : "");
}
