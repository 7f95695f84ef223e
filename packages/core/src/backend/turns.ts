import type { AbortSignalLike } from "../chat-store.js";

/** Runs tasks of the same key one after another, in the order in which they came. For drivers whose writers would only get in each other's way. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** A task whose signal aborts gives its turn to the next, whether it has come to its end or not. */
  take<T>(key: string, signal: AbortSignalLike, task: () => Promise<T>): Promise<T> {
    const earlier = this.#last.get(key);
    const running = earlier === undefined ? task() : earlier.then(task);
    const ended = Promise.race([running.then(ignore, ignore), aborted(signal)]);
    this.#last.set(key, ended);
    void ended.then(() => {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    });
    return running;
  }
}

function ignore(): void {}

function aborted(signal: AbortSignalLike): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
