import type { Operation } from "./driver.js";
import { RecentMap } from "./recent-map.js";

/** Operations that are remembered. */
const most = 1_000;

/** What is known of operations whose ids callers gave: these may come back in another call, the store's own can't. */
export class OfCallers<Value> {
  readonly #values = new RecentMap<Value>(most);

  get(key: string, operation: Operation): Value | undefined {
    return operation.fromCaller ? this.#values.get(nameOf(key, operation)) : undefined;
  }

  /** For the operation's next call; undefined when there is nothing to be known. */
  note(key: string, operation: Operation, value: Value | undefined): void {
    if (!operation.fromCaller) return;
    if (value === undefined) this.#values.delete(nameOf(key, operation));
    else this.#values.set(nameOf(key, operation), value);
  }
}

function nameOf(key: string, { id }: Operation): string {
  return `${id.length} ${id}${key}`;
}
