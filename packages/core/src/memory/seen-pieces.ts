import type { HashedText } from "./token-table.js";

/** Longer pieces, in bytes, are rare and seldom return. */
const LONGEST = 64;
const SLOT_BITS = 13;

/**
 * How many tokens pieces have that are none themselves: the last one of each slot, 0.5 MB in all. In most languages, and in
 * code, the same words come again and again; Chinese and Japanese that repeat themselves are counted in a sixth of the time.
 */
export class SeenPieces {
  readonly #bytes = new Uint8Array(LONGEST << SLOT_BITS);
  readonly #lengths = new Uint8Array(1 << SLOT_BITS);
  readonly #counts = new Uint8Array(1 << SLOT_BITS);

  /** 0 when it was not seen, or another one has taken its slot. */
  get(text: HashedText, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST) return 0;
    const slot = slotOf(text, start, end);
    if (this.#lengths[slot] !== length) return 0;
    const at = slot * LONGEST;
    for (let i = 0; i < length; i++) if (this.#bytes[at + i] !== text.bytes[start + i]) return 0;
    return this.#counts[slot] as number;
  }

  set(text: HashedText, start: number, end: number, count: number): void {
    const length = end - start;
    if (length > LONGEST) return;
    const slot = slotOf(text, start, end);
    this.#bytes.set(text.bytes.subarray(start, end), slot * LONGEST);
    this.#lengths[slot] = length;
    this.#counts[slot] = count;
  }
}

function slotOf(text: HashedText, start: number, end: number): number {
  return text.hash(start, end) >>> (32 - SLOT_BITS);
}
