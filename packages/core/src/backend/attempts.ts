import type { AbortSignalLike } from "../chat-store.js";
import { type ChatStoreError, chatStoreError, isChatStoreError, type WriteOutcome } from "../errors.js";
import type { Failure } from "./driver.js";
import { pause } from "./pause.js";

export interface RetryPolicy {
  /** Of an operation with all its retries, in milliseconds; Infinity for none. */
  timeoutMs: number;
  /** How often a failed request is sent again. */
  maxRetries: number;
}

export interface AttemptedWork<Means, T> {
  policy: RetryPolicy;
  key: string | undefined;
  signal: AbortSignalLike | undefined;
  /** Of a write whether it may be sent again although it may have been applied; undefined for a read. */
  write: { repeatable: () => boolean } | undefined;
  explain: (error: unknown) => Failure;
  /** Gets what is needed to send. While it runs nothing has been sent yet. */
  prepare: () => Means | Promise<Means>;
  send: (means: Means, signal: AbortSignal, attempt: number, mayBeApplied: boolean) => Promise<T>;
}

const firstBackoffMs = 50;
const longestBackoffMs = 2_000;

/**
 * Sends a request until it is answered, may not be sent again, or nobody waits for it any longer. What it throws is always
 * a ChatStoreError, and of a write it says whether it is known not to have happened.
 */
export async function attempt<Means, T>(work: AttemptedWork<Means, T>): Promise<T> {
  const { signal, policy, write } = work;
  // Once a try may have been applied, no later failure proves that it wasn't: it may still be on its way.
  let mayBeApplied = false;
  let underWay = false;

  const outcome = (): WriteOutcome | undefined => write && (mayBeApplied || underWay ? "unknown" : "not-applied");
  const controller = new AbortController();

  async function tries(): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        controller.signal.throwIfAborted();
        const means = await work.prepare();
        controller.signal.throwIfAborted();
        underWay = true;
        return await work.send(means, controller.signal, count, mayBeApplied);
      } catch (error) {
        underWay = false;
        if (controller.signal.aborted) throw error;
        const failure = isChatStoreError(error) ? finalFailure(error) : work.explain(error);
        if (failure.outcome === "unknown") mayBeApplied = true;
        const mayRepeat = write === undefined || write.repeatable() || !mayBeApplied;
        if (!failure.retry || count > policy.maxRetries || !mayRepeat) {
          throw chatStoreError(failure.code, failure.message, { outcome: outcome(), key: work.key });
        }
        await pause(backoff(count, failure.retryAfterMs), controller.signal);
      }
    }
  }

  if (signal === undefined && policy.timeoutMs === Number.POSITIVE_INFINITY) return tries();

  return new Promise<T>((resolve, reject) => {
    const cleanUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (error: ChatStoreError) => {
      // Not left to the end of `tries`: a driver need not heed the signal.
      cleanUp();
      reject(error);
      controller.abort(error);
    };
    const onAbort = () => giveUp(aborted(outcome(), work.key));
    const onTimeout = () => {
      const problem = `No answer within ${policy.timeoutMs} ms. Check the address and the network, try again, or raise timeoutMs.`;
      giveUp(chatStoreError("UNAVAILABLE", problem, { outcome: outcome(), key: work.key }));
    };
    const timer = policy.timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(onTimeout, policy.timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    tries().then(
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
