import type { FaultControl } from "./faults.js";
import type { Client } from "./spawn-client.js";

/** Where the client died. */
export interface KillPoint {
  /** "forwarding": the server never got request `request`. "answering": it acted on it, and the client never heard. */
  readonly before: "forwarding" | "answering";
  /** Of the requests that count, from 1. */
  readonly request: number;
}

export interface KillPlan<Request> {
  /** The proxy through which the client reaches the server. */
  readonly proxy: Pick<FaultControl<Request, never>, "intercept"> & { settled?(): Promise<void> };
  /** A client that is connected and waits for `order`; called anew for each point. */
  readonly start: () => Promise<Client>;
  /** Sent to the client: do the operation and say something when it is done. */
  readonly order: unknown;
  /** Which requests count; all if not given. */
  readonly counts?: (request: Request) => boolean;
  /** What must hold after the client's death; called for each point. */
  readonly check: (point: KillPoint) => Promise<void>;
  /** An operation with more requests than this is an error; 200 by default. */
  readonly limit?: number;
}

/** Whether the client was killed at the point; false: the operation ended before. */
async function killAt<Request>(plan: KillPlan<Request>, point: KillPoint): Promise<boolean> {
  const client = await plan.start();
  const numbers = new Map<Request, number>();
  let reached = () => {};
  const arrived = new Promise<void>((resolve) => {
    reached = resolve;
  });
  let dead = false;

  // Held until the client is dead. What went on to the server beside this request is the server's; nothing follows.
  const at = async (before: KillPoint["before"], number: number | undefined): Promise<"drop" | undefined> => {
    if (dead) return "drop";
    if (before !== point.before || number !== point.request) return undefined;
    dead = true;
    await client.kill();
    reached();
    return "drop";
  };
  const release = plan.proxy.intercept({
    request: async (request) => {
      if (plan.counts?.(request) === false) return undefined;
      numbers.set(request, numbers.size + 1);
      return at("forwarding", numbers.get(request));
    },
    reply: async (request) => at("answering", numbers.get(request)),
  });
  try {
    client.send(plan.order);
    const done = client.receive().then(
      () => false,
      (error: Error) => {
        if (dead) return true;
        throw error;
      },
    );
    const killed = await Promise.race([arrived.then(() => true), done]);
    if (killed) await plan.proxy.settled?.();
    return killed;
  } finally {
    release();
    await client.kill();
  }
}

/**
 * Runs an operation again and again and kills its client (kill -9) before each of its requests and before each reply, as
 * many as there are. Returns the points. Sequential requests make some of them alike to the server; parallel ones don't.
 */
export async function killBetweenRequests<Request>(plan: KillPlan<Request>): Promise<KillPoint[]> {
  const points: KillPoint[] = [];
  const limit = plan.limit ?? 200;
  for (let request = 1; request <= limit; request++) {
    for (const before of ["forwarding", "answering"] as const) {
      const point = { before, request };
      if (!(await killAt(plan, point))) return points;
      points.push(point);
      await plan.check(point);
    }
  }
  throw new Error(`the operation made more than ${limit} requests`);
}
