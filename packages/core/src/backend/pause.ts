import type { AbortSignalLike } from "../chat-store.js";

/** Waits, but not longer than until a signal aborts: look at the signal afterwards. */
export function pause(milliseconds: number, signal: AbortSignalLike): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : milliseconds);
    signal.addEventListener("abort", end);
  });
}
