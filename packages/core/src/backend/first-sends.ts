import { chatStoreError } from "../errors.js";
import type { Operation, WriteContext } from "./driver.js";
import { OfCallers } from "./of-callers.js";

/**
 * Thrown by what `FirstSends` sends: the operation is not remembered, and all that is was done at `since` or later; or it
 * was remembered a moment ago.
 */
export class MaybeForgotten extends Error {}

/** A moment by both clocks of this machine: one can be set, the other stands still while the machine sleeps. */
interface Moment {
  readonly wall: number;
  readonly steady: number;
}

interface Sent {
  readonly at: Moment;
  /** When an earlier call sent it. */
  readonly earlier: Moment | undefined;
}

/** Where that is left at an operation. A weak map of all operations would be a burden to the collector. */
const sent = Symbol("sent");

interface SentOperation extends Operation {
  [sent]?: Sent;
}

/** A time before all others, in milliseconds. */
const beginning = 1;

/**
 * When operations were first sent, by the service's clock. A service that remembers the last operations of a key, with the
 * time of each, can so tell a repeated one that it has never seen from one that it may have forgotten.
 */
export class FirstSends {
  readonly #ofCallers = new OfCallers<Moment>();

  /**
   * Sends an operation. `send` is told the service's time when it was first sent, or an earlier one, in milliseconds, and
   * nothing the first time. `askTime`, a request, is called when that alone decides; `UNAVAILABLE` of unknown outcome when
   * it does not help.
   */
  async send<T>(
    key: string,
    context: WriteContext,
    askTime: () => Promise<number>,
    send: (since: number | undefined) => Promise<T>,
  ): Promise<T> {
    const at = this.#sentBefore(key, context);
    try {
      if (at === undefined) return await send(undefined);
      try {
        return await send(beginning);
      } catch (error) {
        if (!(error instanceof MaybeForgotten)) throw error;
      }
      const time = await askTime();
      // The reply may have been long on its way: the whole of it is taken off.
      return await send(Math.floor(time - elapsed(at)));
    } catch (error) {
      if (!(error instanceof MaybeForgotten)) throw error;
      const problem = "Too many others wrote meanwhile to tell whether it was applied. Read, and decide.";
      throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
    }
  }

  /** When it was first sent, if it may have been applied; else this is the first time. */
  #sentBefore(key: string, context: WriteContext): Moment | undefined {
    const { mayBeApplied } = context;
    const operation: SentOperation = context.operation;
    const known = operation[sent];
    if (mayBeApplied && known !== undefined) return known.at;
    const earlier = known === undefined ? this.#ofCallers.get(key, operation) : known.earlier;
    const at = earlier ?? { wall: Date.now(), steady: performance.now() };
    operation[sent] = { at, earlier };
    this.#ofCallers.note(key, operation, at);
    return earlier;
  }
}

/** In milliseconds; rather too much than too little. */
function elapsed({ wall, steady }: Moment): number {
  return Math.max(Date.now() - wall, performance.now() - steady);
}
