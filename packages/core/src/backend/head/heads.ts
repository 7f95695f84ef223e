import type { ReadContext } from "../driver.js";
import { newOperationId } from "../operation.js";
import { emptied, encodeHead, type Head } from "./head.js";
import { type Hints, type Known, known } from "./hints.js";
import type { HeadPort, Row } from "./port.js";

/** What became of a swap, and the head that is there now, by what it told. */
export interface Swapped {
  applied: boolean;
  current: Known;
  /** Of a refusal: whether it is certain that the swap did not happen before either. */
  sentOnce: boolean;
}

/** How often a change that is no mutation is tried again when others were first. */
const mostRounds = 10;

/** Reads and swaps heads, and notes each as a hint. */
export class Heads {
  readonly #port: HeadPort;
  readonly #hints: Hints;

  constructor(port: HeadPort, hints: Hints) {
    this.#port = port;
    this.#hints = hints;
  }

  async read(key: string, context: ReadContext): Promise<Known> {
    return this.#noted(key, known(await this.#port.readHead(key, context)));
  }

  /** Writes `next` in place of `current`, and rows in the same step. */
  async swap(
    key: string,
    current: Known,
    next: Head,
    context: ReadContext,
    rows: readonly Row[] = [],
  ): Promise<Swapped> {
    const stored = encodeHead(next, newOperationId());
    const result = await this.#port.casHead(key, stored, current.token, rows, context);
    if (result.applied) {
      const now = this.#noted(key, { token: stored.token, head: next });
      return { applied: true, current: now, sentOnce: true };
    }
    const now = result.current === undefined ? await this.read(key, context) : this.#noted(key, known(result.current));
    return { applied: false, current: now, sentOnce: result.sentOnce === true };
  }

  /**
   * Changes a head without a mutation: what callers see stays as it is. `change` answers undefined when there is nothing to
   * change. Answers the head that is there in the end; under many other writers that may be one that was never changed.
   */
  async update(
    key: string,
    current: Known,
    change: (head: Head) => Partial<Head> | undefined,
    context: ReadContext,
  ): Promise<Known> {
    let now = current;
    for (let round = 0; round < mostRounds && now.head !== undefined; round++) {
      const changed = change(now.head);
      if (changed === undefined) return now;
      const next = { ...now.head, ...changed, version: now.head.version + 1 };
      const swapped = await this.swap(key, now, next, context);
      now = swapped.current;
      if (swapped.applied) return now;
    }
    return now;
  }

  /** Makes it a fact that a conversation has expired. Answers the head after that, which may be another one's. */
  async seal(key: string, current: Known, head: Head, context: ReadContext): Promise<Known> {
    const next = {
      ...emptied(head),
      version: head.version + 1,
      litter: head.litter + 1,
      writtenAt: this.#port.now(),
    };
    return (await this.swap(key, current, next, context)).current;
  }

  #noted(key: string, now: Known): Known {
    this.#hints.set(key, now);
    return now;
  }
}
