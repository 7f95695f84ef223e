import type { AbortSignalLike } from "../chat-store.js";
import { type ChatStoreError, chatStoreError, isChatStoreError, type WriteOutcome } from "../errors.js";
import type { Failure } from "./driver.js";
import { pause } from "./pause.js";
import { neverAborted } from "./signals.js";

interface RetryPolicy {
  /** Of an operation with all its retries, in milliseconds; Infinity for none. */
  timeoutMs: number;
  /** How often a failed request is sent again. */
  maxRetries: number;
}

/** What all calls of a store have in common. */
export interface Service<D> {
  policy: RetryPolicy;
  /** Gets the driver. While it runs nothing has been sent yet. */
  driver: () => D | Promise<D>;
  explain: (error: unknown) => Failure;
}

export interface Call<D, T> {
  key: string | undefined;
  signal: AbortSignalLike | undefined;
  isWrite: boolean;
  /** Is told the number of each try. */
  trace: { attempts: number };
  send: (driver: D, signal: AbortSignalLike, mayBeApplied: boolean) => Promise<T>;
}

const firstBackoffMs = 50;
const longestBackoffMs = 2_000;

/**
 * Sends a request until it is answered, may not be sent again, or nobody waits for it any longer. What it throws is always
 * a ChatStoreError, and of a write it says whether it is known not to have happened.
 */
export function attempt<D extends { exactlyOnce: boolean }, T>(service: Service<D>, call: Call<D, T>): Promise<T> {
  const attempts = new Attempts(service, call);
  const isUnbounded = call.signal === undefined && service.policy.timeoutMs === Number.POSITIVE_INFINITY;
  return isUnbounded ? attempts.run(neverAborted) : attempts.runWithin();
}

/** A class and no function with others inside: those would be made anew for each call, which took a quarter of an append in memory. */
class Attempts<D extends { exactlyOnce: boolean }, T> {
  readonly #service: Service<D>;
  readonly #call: Call<D, T>;
  #driver: D | undefined;
  /** Once a try may have been applied, no later failure proves that it wasn't: it may still be on its way. */
  #mayBeApplied = false;
  #underWay = false;

  constructor(service: Service<D>, call: Call<D, T>) {
    this.#service = service;
    this.#call = call;
  }

  async run(signal: AbortSignalLike): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        throwIfAborted(signal);
        this.#driver ??= await this.#service.driver();
        throwIfAborted(signal);
        this.#underWay = true;
        this.#call.trace.attempts = count;
        return await this.#call.send(this.#driver, signal, this.#mayBeApplied);
      } catch (error) {
        this.#underWay = false;
        if (signal.aborted) throw error;
        await pause(this.#untilNext(error, count), signal);
      }
    }
  }

  /** As {@link run}, until the caller gives up or the time is over. */
  runWithin(): Promise<T> {
    const { signal, key } = this.#call;
    const { timeoutMs } = this.#service.policy;
    const controller = new AbortController();
    return new Promise<T>((resolve, reject) => {
      const cleanUp = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const giveUp = (error: ChatStoreError) => {
        // Not left to the end of `run`: a driver need not heed the signal.
        cleanUp();
        reject(error);
        controller.abort(error);
      };
      const onAbort = () => giveUp(aborted(this.#outcome(), key));
      const onTimeout = () => {
        const problem = `No answer within ${timeoutMs} ms. Check the address and the network, try again, or raise timeoutMs.`;
        giveUp(chatStoreError("UNAVAILABLE", problem, { outcome: this.#outcome(), key }));
      };
      const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(onTimeout, timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.run(controller.signal).then(
        (answer) => {
          cleanUp();
          resolve(answer);
        },
        (error) => {
          cleanUp();
          reject(error);
        },
      );
    });
  }

  /** How long to wait before the next try; throws when there is none. */
  #untilNext(error: unknown, count: number): number {
    const { explain, policy } = this.#service;
    const { key, isWrite } = this.#call;
    const failure = isChatStoreError(error) ? finalFailure(error) : explain(error);
    // Without a driver nothing was sent.
    if (this.#driver !== undefined && failure.outcome === "unknown") this.#mayBeApplied = true;
    const mayRepeat = !isWrite || this.#driver?.exactlyOnce !== false || !this.#mayBeApplied;
    if (!failure.retry || count > policy.maxRetries || !mayRepeat) {
      throw chatStoreError(failure.code, failure.message, { outcome: this.#outcome(), key });
    }
    return backoff(count, failure.retryAfterMs);
  }

  #outcome(): WriteOutcome | undefined {
    if (!this.#call.isWrite) return undefined;
    return this.#mayBeApplied || this.#underWay ? "unknown" : "not-applied";
  }
}

function throwIfAborted(signal: AbortSignalLike): void {
  if (signal.aborted) throw signal.reason;
}

export function aborted(outcome: WriteOutcome | undefined, key: string | undefined): ChatStoreError {
  return chatStoreError("ABORTED", "The operation was aborted by its signal.", { outcome, key });
}

function finalFailure(error: ChatStoreError): Failure {
  return { code: error.code, message: error.message, outcome: error.outcome ?? "not-applied", retry: false };
}

/** Full jitter: clients that failed together don't come back together. */
function backoff(count: number, askedMs: number | undefined): number {
  const jitter = Math.random() * Math.min(longestBackoffMs, firstBackoffMs * 2 ** (count - 1));
  return (askedMs ?? 0) + jitter;
}
