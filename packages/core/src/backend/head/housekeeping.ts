import type { ReadContext } from "../driver.js";
import { newOperationId } from "../operation.js";
import { edited, emptied, encodeHead, type Head, isExpired, namedBy, rowSource } from "./head.js";
import type { Committed } from "./head-writer.js";
import { type Hints, type Known, known } from "./hints.js";
import { addressesOf, countOf, type Piece, slice } from "./pieces.js";
import type { HeadPort, RowAddress } from "./port.js";
import { originOf, RowReader, rowAddresses, rowsOf } from "./rows.js";
import { mayShow, stage, stageNumber } from "./staging.js";
import type { Tuning } from "./tuning.js";

/** What may be done at any time, by anybody, twice or not at all. */
export class Housekeeping {
  readonly #port: HeadPort;
  readonly #hints: Hints;
  readonly #tuning: Tuning;
  /** By key. */
  readonly #copying = new Map<string, Promise<void>>();
  /** Rows of tails that are being written. */
  readonly #putting = new Set<string>();

  constructor(port: HeadPort, hints: Hints, tuning: Tuning) {
    this.#port = port;
    this.#hints = hints;
    this.#tuning = tuning;
  }

  /** After a mutation: rows for the tail, dead rows removed, the list of pieces kept short. */
  async follow(committed: Committed, context: ReadContext): Promise<void> {
    const { key, current } = committed;
    if (current.head === undefined) return;
    await this.#putTail(key, current.head, context);
    await this.#erase(committed, current.head, context);
    if (current.head.pieces.length > this.#tuning.manyPieces) await this.compact(key, context);
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

  async #erase({ key, dead, read }: Committed, head: Head, context: ReadContext): Promise<void> {
    const isNamed = namedBy(head);
    const addresses: RowAddress[] = [];
    for (const [source, from, to] of slice(dead, 0, this.#tuning.rowsErased)) {
      const of = rowSource(head, source);
      if (stageNumber(of) === undefined) {
        for (let index = from; index < to; index++) addresses.push({ source: of, index, part: 0 });
      } else if (read?.address.source === source && read.address.index === from && to === from + 1) {
        addresses.push(...rowAddresses(head, [read]));
      } else {
        // How many rows a staged message takes only its rows tell.
        const listed = await this.#port.listRows(key, of, undefined, context);
        addresses.push(...listed.addresses.filter(({ index }) => from <= index && index < to));
      }
    }
    const unnamed = addresses.filter(({ source, index }) => !isNamed(source, index));
    if (unnamed.length > 0) await this.#port.deleteRows(key, unnamed, context);
  }

  /** Copies a run of short pieces into one staged set and names that instead. Who comes meanwhile waits for the same one. */
  compact(key: string, context: ReadContext): Promise<void> {
    const running = this.#copying.get(key);
    if (running !== undefined) return running;
    const copying = this.#compact(key, context).finally(() => this.#copying.delete(key));
    this.#copying.set(key, copying);
    return copying;
  }

  async #compact(key: string, context: ReadContext): Promise<void> {
    let current = await this.#read(key, context);
    if (current.head === undefined || current.head.pieces.length <= this.#tuning.manyPieces) return;
    const run = cheapestRun(current.head.pieces, this.#tuning.piecesCopied);
    const messages = await new RowReader(this.#port, key, context).read(current.head, run);
    // Somebody changed it meanwhile: the next mutation sees to it.
    if (messages === undefined) return;
    const staged = await stage(
      this.#port,
      key,
      current.head,
      messages.map((message) => ({ payload: message.payload, origin: originOf(message) })),
      "c",
      context,
    );
    for (let round = 0; round < 3 && current.head !== undefined && mayShow(staged, current.head); round++) {
      const { head } = current;
      const at = findRun(head.pieces, run);
      if (at === undefined) return;
      const writtenAt = this.#port.now();
      const next = { ...edited(head, at, countOf(run), [staged.piece]), version: head.version + 1, writtenAt };
      const written = await this.#swap(key, next, current, context);
      if (written.applied) {
        await this.#erase({ key, current: written.current, dead: run, read: undefined }, next, context);
        return;
      }
      current = written.current;
    }
  }

  /** Makes it a fact that a conversation has expired. Answers the head after that, which may be another one's. */
  async seal(key: string, current: Known, head: Head, context: ReadContext): Promise<Known> {
    const next = { ...emptied(head), version: head.version + 1, writtenAt: this.#port.now() };
    return (await this.#swap(key, next, current, context)).current;
  }

  /** Removes all rows of a conversation that its head does not name. */
  async collect(key: string, context: ReadContext): Promise<void> {
    let cursor: string | undefined;
    do {
      // The rows first and the head after: a row that was listed and is not named then never will be.
      const page = await this.#port.listRows(key, undefined, cursor, context);
      const head = await this.#aboveWatermark(key, page.addresses, context);
      const isNamed = namedBy(head);
      const tooYoung = this.#port.now() - this.#tuning.keepStagedMs;
      const dead = page.addresses.filter(({ source, index }) => {
        const number = stageNumber(source);
        if (isNamed(source, index)) return false;
        return head === undefined || number === undefined || number < Math.min(head.watermark, tooYoung);
      });
      if (dead.length > 0) await this.#port.deleteRows(key, dead, context);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** Declares staged sets void before they are deleted, so that a slow writer can't show them any more. */
  async #aboveWatermark(
    key: string,
    addresses: readonly RowAddress[],
    context: ReadContext,
  ): Promise<Head | undefined> {
    const tooYoung = this.#port.now() - this.#tuning.keepStagedMs;
    let current = await this.#read(key, context);
    for (;;) {
      const { head } = current;
      if (head === undefined) return undefined;
      const isNamed = namedBy(head);
      const stale = addresses.flatMap(({ source, index }) => {
        const number = stageNumber(source);
        return number === undefined || number >= tooYoung || isNamed(source, index) ? [] : [number];
      });
      const watermark = Math.max(head.watermark, ...stale.map((number) => number + 1));
      if (watermark === head.watermark) return head;
      const next = { ...head, watermark, version: head.version + 1, writtenAt: this.#port.now() };
      const written = await this.#swap(key, next, current, context);
      if (written.applied) return next;
      current = written.current;
    }
  }

  /**
   * Ends a conversation that has expired, removes its dead rows, and drops the head of one that ended long ago; whether it
   * had expired.
   */
  async purge(key: string, context: ReadContext): Promise<boolean> {
    let current = await this.#read(key, context);
    let expired = false;
    while (current.head !== undefined && isExpired(current.head, this.#port.now())) {
      expired = true;
      current = await this.seal(key, current, current.head, context);
    }
    if (this.#isOver(current.head) && current.head.operations.length > 0) {
      // Not written anew: it ended when it ended. What it answered then can be collected like the rest.
      const next = { ...current.head, operations: [], version: current.head.version + 1 };
      await this.#swap(key, next, current, context);
    }
    await this.collect(key, context);
    const { head, token } = await this.#read(key, context);
    if (this.#isOver(head) && head.operations.length === 0 && token !== undefined) {
      this.#hints.forget(key);
      await this.#port.deleteHead(key, token, context);
    }
    return expired;
  }

  /** Whether a conversation has ended so long ago that no request of that time can still be on its way. */
  #isOver(head: Head | undefined): head is Head {
    return (
      head !== undefined && head.pieces.length === 0 && head.writtenAt + this.#tuning.keepEndedMs <= this.#port.now()
    );
  }

  async #read(key: string, context: ReadContext): Promise<Known> {
    return known(await this.#port.readHead(key, context));
  }

  async #swap(
    key: string,
    next: Head,
    current: Known,
    context: ReadContext,
  ): Promise<{ applied: boolean; current: Known }> {
    const stored = encodeHead(next, newOperationId());
    const result = await this.#port.casHead(key, stored, current.token, [], context);
    const now = result.applied
      ? { token: stored.token, head: next }
      : result.current === undefined
        ? await this.#read(key, context)
        : known(result.current);
    this.#hints.set(key, now);
    return { applied: result.applied, current: now };
  }
}

/** The run of adjacent pieces with the fewest messages. */
function cheapestRun(pieces: readonly Piece[], length: number): Piece[] {
  let best = pieces.slice(0, length);
  for (let start = 1; start + length <= pieces.length; start++) {
    const run = pieces.slice(start, start + length);
    if (countOf(run) < countOf(best)) best = run;
  }
  return best;
}

/** The position at which a run of pieces still stands, as it was or with its ends grown together with others. */
function findRun(pieces: readonly Piece[], run: readonly Piece[]): number | undefined {
  const addresses = addressesOf(run);
  const [first] = addresses;
  if (first === undefined) return undefined;
  let position = 0;
  for (const [source, from, to] of pieces) {
    if (source === first.source && from <= first.index && first.index < to) {
      const start = position + first.index - from;
      const standing = addressesOf(slice(pieces, start, start + addresses.length));
      const same =
        standing.length === addresses.length &&
        standing.every((each, i) => each.source === addresses[i]?.source && each.index === addresses[i]?.index);
      return same ? start : undefined;
    }
    position += to - from;
  }
  return undefined;
}
