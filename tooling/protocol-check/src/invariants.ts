import type { StoredHead } from "@chatkeep/chat-store-core/backend";
import { BrokenRule, byteLength, type Rules } from "./service.js";

type Piece = readonly [source: string, from: number, to: number];

/** A stored head as it is written, read without the protocol's own code. */
export interface HeadText {
  version: number;
  incarnation: string;
  next: number;
  pieces: readonly Piece[];
  tail: readonly (readonly [index: number, payload: string])[];
  /** Addresses of messages that were answers to operations with a caller's id. */
  answers: readonly (readonly [source: string, index: number])[];
  operations: number;
  /** Bytes of the ids, fingerprints and answers. */
  operationBytes: number;
  watermark: number;
  /** The next index of a copy. */
  copied: number;
  /** Pieces that are being copied, and the index of the first copy. */
  copying: { first: number; pieces: readonly Piece[] };
  /** The row source of a source in the text. */
  rowSource: (source: string) => string;
  /** Whether a row, by its own source, is a message of the history, a copy being made or an answer that may be asked for again. */
  names: (source: string, index: number) => boolean;
}

export function headTextOf({ text }: StoredHead): HeadText {
  const {
    v,
    i,
    n,
    p,
    t = [],
    o = [],
    w = 0,
    c = 0,
    y = [c],
  } = JSON.parse(text) as {
    v: number;
    i: string;
    n: number;
    p: Piece[];
    t?: HeadText["tail"];
    o?: (string | [string, string, number | [string, number] | null])[];
    w?: number;
    c?: number;
    y?: [number, ...Piece[]];
  };
  const [first, ...copied] = y;
  const copies = copied.reduce((sum, [, from, to]) => sum + to - from, 0);
  const rowSource = (source: string) => (source === "" ? i : source === "c" ? i.replace("m", "c") : source);
  const answers = o.flatMap((one) => (typeof one !== "string" && Array.isArray(one[2]) ? [one[2]] : []));
  return {
    version: v,
    incarnation: i,
    next: n,
    pieces: p,
    tail: t,
    answers,
    // Of the store's own ids seven characters each, one behind the other.
    operations: o.reduce((sum, one) => sum + (typeof one === "string" ? one.length / 7 : 1), 0),
    operationBytes: byteLength(JSON.stringify(o)),
    watermark: w,
    copied: c,
    copying: { first, pieces: copied },
    rowSource,
    names: (source, index) =>
      [...p, ["c", first, first + copies] as const].some(
        ([of, from, to]) => rowSource(of) === source && from <= index && index < to,
      ) || answers.some((answer) => rowSource(answer[0]) === source && answer[1] === index),
  };
}

/** What a head that replaces another must be like at the very moment. Throws a BrokenRule. */
export function checkHead(
  stored: StoredHead,
  before: HeadText | undefined,
  { limits, tuning }: Rules,
  isWhole: (source: string, index: number) => boolean,
): void {
  const head = headTextOf(stored);
  const broken = (what: string) => new BrokenRule(`Head ${stored.text} after ${JSON.stringify(before)}: ${what}`);

  if (before !== undefined) {
    if (head.incarnation !== before.incarnation) throw broken("another incarnation");
    if (head.version !== before.version + 1) throw broken("the version does not rise by one");
    if (head.next < before.next) throw broken("sequence numbers go back");
    if (head.watermark < before.watermark) throw broken("the watermark goes back");
    if (head.copied < before.copied) throw broken("indexes of copies go back");
  }
  let count = 0;
  const seen = new Set<string>();
  for (const [source, from, to] of head.pieces) {
    if (!(from < to)) throw broken("an empty piece");
    if (to > (source === "" ? head.next : source === "c" ? head.copied : to)) throw broken("an index not given out");
    for (let index = from; index < to; index++, count++) {
      if (seen.has(`${source}/${index}`)) throw broken(`message ${source}/${index} twice`);
      seen.add(`${source}/${index}`);
      const inTail = source === "" && head.tail.some(([tailIndex]) => tailIndex === index);
      if (!inTail && !isWhole(head.rowSource(source), index)) {
        throw broken(`message ${source}/${index} is nowhere`);
      }
    }
  }
  if (stored.count !== count) throw broken(`${stored.count} counted, ${count} there`);
  if (stored.count === 0 && stored.expiresAt !== undefined) throw broken("an end that expires");
  for (const [source, index] of head.answers) {
    if (!isWhole(head.rowSource(source), index)) throw broken(`answer ${source}/${index} is nowhere`);
  }
  if (head.tail.some(([index]) => !head.names(head.incarnation, index))) throw broken("a dead message in the tail");
  if (head.tail.length > tuning.tailEntries) throw broken("too many messages in the tail");
  if (limits.rowsWithHead > 0 && head.tail.length > 0)
    throw broken("a tail beside rows that are written with the head");
  const tailBytes = head.tail.reduce((sum, [, payload]) => sum + byteLength(payload), 0);
  if (tailBytes > limits.inlineBytes) throw broken("too many bytes in the tail");
  if (head.operations > tuning.rememberedOperations) throw broken("too many operations remembered");
  if (byteLength(stored.text) > headBytes(head, tailBytes)) throw broken("larger than a head may be");
}

/**
 * The most bytes that a head's text takes. A payload is JSON text, in which quotes and backslashes take two bytes when it is put
 * into JSON once more; a sequence number has 15 digits at most, a source 24 characters.
 */
function headBytes({ pieces, copying, tail, operationBytes }: HeadText, tailBytes: number): number {
  return 220 + (pieces.length + copying.pieces.length) * 62 + 2 * tailBytes + tail.length * 24 + operationBytes;
}
