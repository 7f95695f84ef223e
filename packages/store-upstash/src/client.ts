import { abortSignalOf, type ReadContext } from "@chatkeep/chat-store-core/backend";
import { Redis } from "@upstash/redis";
import type { Connection, UpstashClientLike } from "./options.js";

/** How long one request may take, in milliseconds: without it one into the void takes all the time of the operation. */
const requestMs = 15_000;

/** The store's own client, and how a call is bound to a signal. */
export interface OwnClient {
  readonly client: UpstashClientLike;
  /** Makes one call, and has it given up with the signal. */
  withSignal<T>(context: ReadContext, call: () => Promise<T>): Promise<T>;
}

/** Makes a client that changes nothing of what it sends or gets, and sends nothing twice. */
export function newClient({ url, token, enableTelemetry }: Connection): OwnClient {
  let ofCall: AbortSignal[] = [];
  const client = new Redis({
    url,
    token,
    enableTelemetry,
    // The store sends again what failed, and knows what may have been applied. `false` would mean one retry.
    retry: { retries: 0 },
    automaticDeserialization: false,
    enableAutoPipelining: false,
    // Given as a signal and not as a function, the SDK takes an abort for an answer.
    signal: () => AbortSignal.any([...ofCall, AbortSignal.timeout(requestMs)]),
  });
  return {
    client,
    withSignal(context, call) {
      // The SDK asks for the signal while the call is made, before it waits for anything.
      const signal = abortSignalOf(context) as AbortSignal | undefined;
      ofCall = signal === undefined ? [] : [signal];
      try {
        return call();
      } finally {
        ofCall = [];
      }
    },
  };
}
