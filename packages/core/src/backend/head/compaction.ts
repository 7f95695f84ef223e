import type { ReadContext } from "../driver.js";
import { type Copying, copies, type Head, namedBy, pieceOfCopies, rowSource, withPieces } from "./head.js";
import type { Heads } from "./heads.js";
import type { Known } from "./hints.js";
import { addressesOf, countOf, lengthOf, type Piece, pieceAt, renamed, slice } from "./pieces.js";
import type { HeadPort, RowAddress } from "./port.js";
import { originOf, RowReader, rowAddresses, rowsOf } from "./rows.js";
import type { Tuning } from "./tuning.js";

/** Messages that are in memory at once while they are copied. */
const messagesAtOnce = 50;

/**
 * Makes the list of pieces shorter: messages of pieces that lie side by side are copied to indexes one behind the other.
 * One step copies a bounded number of messages. What it is about to copy is in the head beforehand, which gives each copy
 * its one content, so that any client can go on where another stopped.
 */
export class Compaction {
  readonly #port: HeadPort;
  readonly #heads: Heads;
  readonly #tuning: Tuning;
  /** By key. */
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(port: HeadPort, heads: Heads, tuning: Tuning) {
    this.#port = port;
    this.#heads = heads;
    this.#tuning = tuning;
  }

  /**
   * One step, if the list is too long or a step was left unfinished; whether there was one. Who comes meanwhile waits for
   * the same one.
   */
  step(key: string, context: ReadContext): Promise<boolean> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const step = this.#step(key, context).finally(() => this.#running.delete(key));
    this.#running.set(key, step);
    return step;
  }

  async #step(key: string, context: ReadContext): Promise<boolean> {
    const claimed = await this.#claim(key, await this.#heads.read(key, context), context);
    if (claimed.head?.copying === undefined) return false;
    const { copying } = claimed.head;
    const { originals, missing } = await this.#copy(key, claimed.head, copying, context);
    const { head } = await this.#show(key, claimed, copying, missing, context);
    // Still being copied: others were first each time, and the next step shows it.
    if (head === undefined || head.copying?.first === copying.first) return true;
    const isNamed = namedBy(head);
    const dead = originals.filter(({ source, index }) => !isNamed(source, index));
    if (dead.length > 0) await this.#port.deleteRows(key, dead, context);
    return true;
  }

  /** Writes into the head what is to be copied, unless it says so already. */
  #claim(key: string, current: Known, context: ReadContext): Promise<Known> {
    const claim = (head: Head) => {
      if (head.copying !== undefined || head.pieces.length <= this.#tuning.manyPieces) return undefined;
      const copying = { first: head.copied, pieces: nextToCopy(head, this.#tuning) };
      return { copying, copied: head.copied + countOf(copying.pieces), litter: head.litter + 1 };
    };
    return this.#heads.update(key, current, claim, context);
  }

  /** Copies what is there, and answers where that is stored, and what is not there. */
  async #copy(
    key: string,
    head: Head,
    { first, pieces }: Copying,
    context: ReadContext,
  ): Promise<{ originals: RowAddress[]; missing: Missing[] }> {
    const source = rowSource(head, copies);
    const originals: RowAddress[] = [];
    const missing: Missing[] = [];
    for (let start = 0; start < countOf(pieces); start += messagesAtOnce) {
      const addresses = addressesOf(slice(pieces, start, start + messagesAtOnce));
      const messages = await new RowReader(this.#port, key, context).readEach(head, addresses);
      const rows = messages.flatMap((message, i) =>
        message === undefined
          ? []
          : rowsOf(source, first + start + i, message.payload, this.#port.limits.rowBytes, originOf(message)),
      );
      if (rows.length > 0) await this.#port.putRows(key, rows, context);
      originals.push(
        ...rowAddresses(
          head,
          messages.filter((message) => message !== undefined),
        ),
      );
      for (const [i, address] of addresses.entries()) {
        if (messages[i] === undefined) missing.push({ piece: pieceAt(address), copy: first + start + i });
      }
    }
    return { originals, missing };
  }

  /** Names the copies in place of what is still in the history of that which they are copies of. */
  #show(
    key: string,
    claimed: Known,
    copying: Copying,
    missing: readonly Missing[],
    context: ReadContext,
  ): Promise<Known> {
    const show = (head: Head) => {
      // Somebody else finished it or gave it up, and the copies may be gone.
      if (head.copying?.first !== copying.first) return undefined;
      let pieces = renamed(head.pieces, copying.pieces, pieceOfCopies(copying));
      // What was not there has been removed since, or is damaged and keeps its address.
      for (const { piece, copy } of missing) pieces = renamed(pieces, [[copies, copy, copy + 1]], piece);
      return { ...withPieces(head, pieces), copying: undefined, litter: head.litter + 1 };
    };
    return this.#heads.update(key, claimed, show, context);
  }
}

/** A message that was not there to be copied, and the index that its copy was to have. */
interface Missing {
  piece: Piece;
  copy: number;
}

/** What one step copies. */
function nextToCopy(
  { pieces, copied }: Pick<Head, "pieces" | "copied">,
  { piecesCopied, messagesCopied }: Pick<Tuning, "piecesCopied" | "messagesCopied">,
): Piece[] {
  // What is copied right behind the copies made last becomes one piece with them.
  const goesOn = (start: number) => {
    const before = pieces[start - 1];
    return before?.[0] === copies && before[2] === copied;
  };
  let best: { saved: number; messages: number; run: Piece[] } = { saved: 0, messages: 0, run: [] };
  for (let start = 0; start < pieces.length; start++) {
    let messages = 0;
    for (let end = start + 1; end <= pieces.length && end - start <= piecesCopied; end++) {
      messages += lengthOf(pieces[end - 1]);
      if (messages > messagesCopied) break;
      const saved = end - start - (goesOn(start) ? 0 : 1);
      if (saved > best.saved || (saved === best.saved && messages < best.messages)) {
        best = { saved, messages, run: pieces.slice(start, end) };
      }
    }
  }
  return best.saved > 0 ? best.run : beginningOfLarge(pieces, goesOn, messagesCopied);
}

/** Where no two pieces are small enough for one step, the cheapest are copied by one step after another. */
function beginningOfLarge(
  pieces: readonly Piece[],
  goesOn: (start: number) => boolean,
  messagesCopied: number,
): Piece[] {
  const costOf = (start: number) => {
    if (goesOn(start)) return lengthOf(pieces[start]);
    return start + 1 < pieces.length ? lengthOf(pieces[start]) + lengthOf(pieces[start + 1]) : Number.POSITIVE_INFINITY;
  };
  let best = 0;
  for (let start = 1; start < pieces.length; start++) if (costOf(start) < costOf(best)) best = start;
  return slice(pieces.slice(best, best + 1), 0, messagesCopied);
}
