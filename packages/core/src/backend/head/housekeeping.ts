import type { ReadContext } from "../driver.js";
import { Compaction } from "./compaction.js";
import { type Head, namedBy, rowSource } from "./head.js";
import type { Change, Committed } from "./head-writer.js";
import type { Heads } from "./heads.js";
import type { Hints } from "./hints.js";
import { countOf, slice } from "./pieces.js";
import type { HeadPort, RowAddress } from "./port.js";
import { rowAddresses, rowsOf } from "./rows.js";
import { stageNumber } from "./staging.js";
import type { Tuning } from "./tuning.js";

/** What follows a mutation: bounded in each call, and may be done at any time, by anybody, twice or not at all. */
export class Housekeeping {
  readonly #port: HeadPort;
  readonly #hints: Hints;
  readonly #tuning: Tuning;
  readonly #compaction: Compaction;
  /** Rows of tails that are being written. */
  readonly #putting = new Set<string>();

  constructor(port: HeadPort, hints: Hints, heads: Heads, tuning: Tuning) {
    this.#port = port;
    this.#hints = hints;
    this.#tuning = tuning;
    this.#compaction = new Compaction(port, heads, tuning);
  }

  /** After a mutation: rows for the tail, dead rows removed, the list of pieces made shorter. */
  async follow(committed: Committed, context: ReadContext): Promise<void> {
    const { key, head } = committed;
    await this.#putTail(key, head, context);
    await this.#erase(committed, context);
    if (head.copying !== undefined || head.pieces.length > this.#tuning.manyPieces) {
      await this.#compaction.step(key, context);
    }
  }

  /**
   * Before a mutation: while the list of pieces is too long it waits for steps of compaction, in proportion to what it
   * writes, and by index in proportion to the history.
   */
  async makeRoom(key: string, { byIndex, payloads }: Change, context: ReadContext): Promise<void> {
    const { messagesCopied, tooManyPieces } = this.#tuning;
    const pieces = () => this.#hints.get(key)?.head?.pieces ?? [];
    const messages = byIndex === true ? countOf(pieces()) : payloads.length;
    for (let left = 1 + Math.ceil(messages / messagesCopied); left > 0 && pieces().length > tooManyPieces; left--) {
      if (context.signal.aborted || !(await this.#compaction.step(key, context))) return;
    }
  }

  async #putTail(key: string, head: Head, context: ReadContext): Promise<void> {
    const rowsPut = this.#hints.rowsPut(key, head);
    const nameOf = (index: number) => `${head.incarnation}/${index}/${key}`;
    const missing = head.tail.filter(([index]) => !rowsPut.has(index) && !this.#putting.has(nameOf(index)));
    if (missing.length === 0) return;
    const indexes = missing.map(([index]) => index);
    const { rowBytes } = this.#port.limits;
    const rows = missing.flatMap(([index, payload]) => rowsOf(head.incarnation, index, payload, rowBytes));
    for (const index of indexes) this.#putting.add(nameOf(index));
    try {
      await this.#port.putRows(key, rows, context);
      this.#hints.notePut(key, head, indexes);
    } finally {
      for (const index of indexes) this.#putting.delete(nameOf(index));
    }
  }

  async #erase({ key, head, dead, read }: Committed, context: ReadContext): Promise<void> {
    const isNamed = namedBy(head);
    const addresses: RowAddress[] = [];
    for (const [source, from, to] of slice(dead, 0, this.#tuning.rowsErased)) {
      const of = rowSource(head, source);
      if (source === "") {
        for (let index = from; index < to; index++) addresses.push({ source: of, index, part: 0 });
      } else if (read?.address.source === source && read.address.index === from && to === from + 1) {
        addresses.push(...rowAddresses(head, [read]));
      } else {
        addresses.push(...(await this.#rowsIn(key, of, from, to, context)));
      }
    }
    const unnamed = addresses.filter(({ source, index }) => !isNamed(source, index));
    if (unnamed.length > 0) await this.#port.deleteRows(key, unnamed, context);
  }

  /** Rows of some messages that were staged or copied: how many each takes only they tell. */
  async #rowsIn(key: string, source: string, from: number, to: number, context: ReadContext): Promise<RowAddress[]> {
    if (stageNumber(source) === undefined) {
      const end = Math.min(to, from + this.#tuning.messagesCopied);
      return this.#port.readRows(key, [{ source, from, to: end }], context);
    }
    const { addresses } = await this.#port.listRows(key, source, undefined, context);
    return addresses.filter(({ index }) => from <= index && index < to);
  }
}
