import type { AbortSignalLike } from "../chat-store.js";
import type { ReadContext } from "./driver.js";

/** For calls that nobody gives up. One for all of them: to make an AbortSignal takes as long as an append in memory. */
export const neverAborted: AbortSignalLike = {
  aborted: false,
  addEventListener() {},
  removeEventListener() {},
};

/**
 * For an SDK that takes only the platform's own signals, whose type not every program has: an `AbortSignal`, or undefined when
 * nobody can give the call up.
 */
export function abortSignalOf({ signal }: ReadContext): AbortSignalLike | undefined {
  return signal === neverAborted ? undefined : signal;
}
