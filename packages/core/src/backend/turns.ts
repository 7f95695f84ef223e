import type { AbortSignalLike } from "../chat-store.js";

/** Runs tasks of the same key one after another, in the order in which they came. For drivers whose writers would only get in each other's way. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** A task whose signal aborts gives its turn to the next, whether it has come to its end or not. */
  take<T>(key: string, signal: AbortSignalLike, task: () => Promise<T>): Promise<T> {
    const earlier = this.#last.get(key);
    const running = earlier === undefined ? task() : earlier.then(task);
    const ended = endOf(running, signal);
    this.#last.set(key, ended);
    void ended.then(() => {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    });
    return running;
  }
}

/** When the task has come to its end or its signal aborts. No listener stays: all tries of an operation have one signal. */
function endOf(running: Promise<unknown>, signal: AbortSignalLike): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    running.then(end, end);
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", end);
  });
}
