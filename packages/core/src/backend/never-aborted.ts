import type { AbortSignalLike } from "../chat-store.js";

/** For calls that nobody gives up. One for all of them: to make an AbortSignal takes as long as an append in memory. */
export const neverAborted: AbortSignalLike = {
  aborted: false,
  addEventListener() {},
  removeEventListener() {},
};
