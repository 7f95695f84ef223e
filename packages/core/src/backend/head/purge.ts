import type { ReadContext } from "../driver.js";
import { decodeHead, type Head, isExpired, namedBy } from "./head.js";
import type { Heads } from "./heads.js";
import type { Hints, Known } from "./hints.js";
import type { HeadPort, ListedHead, RowAddress } from "./port.js";
import { stageNumber } from "./staging.js";
import type { Tuning } from "./tuning.js";

/** Removes what nobody needs any more. It can stop anywhere, and begin again anywhere. */
export class Purge {
  readonly #port: HeadPort;
  readonly #hints: Hints;
  readonly #heads: Heads;
  readonly #tuning: Tuning;

  constructor(port: HeadPort, hints: Hints, heads: Heads, tuning: Tuning) {
    this.#port = port;
    this.#hints = hints;
    this.#heads = heads;
    this.#tuning = tuning;
  }

  /** Of a conversation that was listed; whether it had expired. Reads no rows where its head tells that nothing is to be done. */
  async whereNeeded({ key, head: listed }: ListedHead, context: ReadContext): Promise<boolean> {
    const { head } = listed.text === "" ? await this.#heads.read(key, context) : { head: decodeHead(listed) };
    return head !== undefined && this.#hasWork(head) ? this.thoroughly(key, context) : false;
  }

  /** Of a key that may have rows and no head. */
  async withoutHead(key: string, context: ReadContext): Promise<void> {
    const current = await this.#heads.read(key, context);
    if (current.head === undefined) await this.#collect(key, current, context);
  }

  /**
   * Ends a conversation that has expired, removes all rows that its head does not name, and drops the head of one that ended
   * long ago; whether it had expired.
   */
  async thoroughly(key: string, context: ReadContext): Promise<boolean> {
    let current = await this.#heads.read(key, context);
    let expired = false;
    while (current.head !== undefined && isExpired(current.head, this.#port.now())) {
      expired = true;
      current = await this.#heads.seal(key, current, current.head, context);
    }
    if (this.#isOver(current.head) && current.head.operations.length > 0) {
      // Not written anew: it ended when it ended. What it answered then can be collected like the rest.
      current = await this.#heads.update(key, current, forgetOperations, context);
    }
    await this.#collect(key, current, context);
    const { head, token } = await this.#heads.read(key, context);
    if (this.#isOver(head) && head.operations.length === 0 && token !== undefined) {
      this.#hints.forget(key);
      await this.#port.deleteHead(key, token, context);
    }
    return expired;
  }

  /** Removes all rows of a conversation that its head does not name, a page at a time. */
  async #collect(key: string, before: Known, context: ReadContext): Promise<void> {
    const { head: first } = before;
    const quiet = first === undefined || first.writtenAt < this.#tooYoung();
    // Whoever began to copy an hour ago goes on no more.
    if (quiet) await this.#heads.update(key, before, giveUpCopies, context);
    let clean = quiet;
    let cursor: string | undefined;
    do {
      // The rows first and the head after: a row that was listed and is not named then never will be.
      const page = await this.#port.listRows(key, undefined, cursor, context);
      const { head } = await this.#aboveWatermark(key, page.addresses, context);
      const isNamed = namedBy(head);
      const unnamed = page.addresses.filter(({ source, index }) => !isNamed(source, index));
      const dead = unnamed.filter(({ source }) => {
        const number = stageNumber(source);
        return head === undefined || number === undefined || number < Math.min(head.watermark, this.#tooYoung());
      });
      if (dead.length > 0) await this.#port.deleteRows(key, dead, context);
      clean &&= dead.length === unnamed.length;
      cursor = page.cursor;
    } while (cursor !== undefined);
    // That of what was done since is left to the next collection.
    const litter = first?.litter ?? 0;
    if (!clean || litter === 0 || this.#isOver(first)) return;
    const cleaned = (head: Head) => ({ litter: Math.max(0, head.litter - litter) });
    await this.#heads.update(key, await this.#heads.read(key, context), cleaned, context);
  }

  /** Declares staged sets void before they are deleted, so that a slow writer can't show them any more. */
  async #aboveWatermark(key: string, addresses: readonly RowAddress[], context: ReadContext): Promise<Known> {
    const raised = (head: Head) => {
      const isNamed = namedBy(head);
      const stale = addresses.flatMap(({ source, index }) => {
        const number = stageNumber(source);
        return number === undefined || number >= this.#tooYoung() || isNamed(source, index) ? [] : [number];
      });
      const watermark = Math.max(head.watermark, ...stale.map((number) => number + 1));
      return watermark === head.watermark ? undefined : { watermark };
    };
    return this.#heads.update(key, await this.#heads.read(key, context), raised, context);
  }

  /** Staged rows from this time on may be shown yet, and rows of changes since may be written yet. */
  #tooYoung(): number {
    return this.#port.now() - this.#tuning.keepStagedMs;
  }

  #hasWork(head: Head): boolean {
    return head.litter > 0 || isExpired(head, this.#port.now()) || this.#isOver(head);
  }

  /** Whether a conversation has ended so long ago that no request of that time can still be on its way. */
  #isOver(head: Head | undefined): head is Head {
    return (
      head !== undefined && head.pieces.length === 0 && head.writtenAt + this.#tuning.keepEndedMs <= this.#port.now()
    );
  }
}

function forgetOperations({ operations }: Head): Partial<Head> | undefined {
  return operations.length === 0 ? undefined : { operations: [] };
}

function giveUpCopies({ copying, litter }: Head): Partial<Head> | undefined {
  return copying === undefined ? undefined : { copying: undefined, litter: litter + 1 };
}
