import type { ReadContext } from "@chatkeep/chat-store-core/backend";

export type Signal = ReadContext["signal"];

/** Waits, but not longer than a signal allows. */
export function pause(milliseconds: number, signal: Signal): Promise<void> {
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
