import { chatStoreError } from "../errors.js";
import type { Operation, WriteContext } from "./driver.js";

/** Thrown by what `FirstSends` sends: the operation is not remembered, and all that is was done at `since` or later. */
export class MaybeForgotten extends Error {}

/** A time before all others, in milliseconds. */
const beginning = 1;

/**
 * When operations were first sent, by the service's clock. A service that remembers the last operations of a key, with the
 * time of each, can so tell a repeated one that it has never seen from one that it may have forgotten.
 */
export class FirstSends {
  readonly #sent = new WeakMap<Operation, number>();

  /**
   * Sends an operation. `send` is told the service's time when it was first sent, or an earlier one, in milliseconds, and
   * nothing on the first try. `askTime`, a request, is called when that alone decides; `UNAVAILABLE` of unknown outcome
   * when it does not help.
   */
  async send<T>(
    { operation, attempt }: WriteContext,
    askTime: () => Promise<number>,
    send: (since: number | undefined) => Promise<T>,
  ): Promise<T> {
    const sent = this.#sent.get(operation);
    if (sent === undefined) this.#sent.set(operation, performance.now());
    if (sent === undefined || attempt === 1) return send(undefined);
    try {
      return await send(beginning);
    } catch (error) {
      if (!(error instanceof MaybeForgotten)) throw error;
    }
    const time = await askTime();
    // The reply may have been long on its way: the whole of it is taken off.
    const since = Math.floor(time - (performance.now() - sent));
    return send(since).catch((error: unknown) => {
      if (!(error instanceof MaybeForgotten)) throw error;
      const problem = "Too many others wrote meanwhile to tell whether it was applied. Read, and decide.";
      throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
    });
  }
}
