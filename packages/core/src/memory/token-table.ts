/** The longest token that a table may hold, in bytes. */
const LONGEST = 128;
/** A table has 2^18 slots: for 100,000 tokens it is 0.4 full. */
const SLOT_BITS = 18;
const SLOTS = 1 << SLOT_BITS;
/** What is left of a hash that led to a slot is kept in it, above the rank. */
const REST = 2 ** (32 - SLOT_BITS) - 1;
const RANK_BITS = 17;
const RANK = (1 << RANK_BITS) - 1;

const BASE = 0x01000193;
const powers = new Int32Array(LONGEST + 1).fill(1);
for (let i = 1; i <= LONGEST; i++) powers[i] = Math.imul(powers[i - 1] as number, BASE);

/** The bytes of a text, and of each of its beginnings a hash, from which that of any part follows in one step. */
export class HashedText {
  readonly bytes: Uint8Array;
  readonly #hashes: Int32Array;

  constructor(bytes: Uint8Array) {
    const hashes = new Int32Array(bytes.length + 1);
    for (let i = 0, hash = 0; i < bytes.length; i++) {
      hash = (Math.imul(hash, BASE) + (bytes[i] as number) + 1) | 0;
      hashes[i + 1] = hash;
    }
    this.bytes = bytes;
    this.#hashes = hashes;
  }

  /** Of a part of at most 128 bytes. Its lower bits depend on those of the bytes alone, which the product mends. */
  hash(start: number, end: number): number {
    const hashes = this.#hashes;
    const hash = (hashes[end] as number) - Math.imul(hashes[start] as number, powers[end - start] as number);
    return Math.imul(hash, 0x9e3779b1);
  }
}

/** What {@link TokenTable.rank} answers where there is no token. */
export const NO_RANK = RANK;

/**
 * The tokens of a byte-pair encoding, by their bytes. In typed arrays, where a part of a text is looked up as it stands there:
 * as a Map of strings they take three times the memory, and counting prose five times the time.
 */
export class TokenTable {
  /** The bytes of all tokens in the order of their ranks, and where each ends: that of rank r begins at `ends[r]`. */
  readonly #bytes: Uint8Array;
  readonly #ends: Int32Array;
  /** By hash, and the next one where several have the same: the rest of the hash and the rank plus one, 0 when empty. */
  readonly #slots = new Int32Array(SLOTS);
  /** The ranks of tokens of two bytes, which are asked for most. */
  readonly #pairs = new Int32Array(0x10000).fill(NO_RANK);

  /** From a line of `! 0 <token in base64> <token in base64> …`, in the order of their ranks. */
  constructor(line: string) {
    const { bytes, ends } = decodeTokens(line);
    this.#bytes = bytes;
    this.#ends = ends;
    const all = new HashedText(bytes);
    for (let rank = 0; rank + 1 < ends.length; rank++) {
      const start = ends[rank] as number;
      const end = ends[rank + 1] as number;
      if (end - start === 2) this.#pairs[pairAt(bytes, start)] = rank;
      const hash = all.hash(start, end);
      let slot = hash >>> (32 - SLOT_BITS);
      while (this.#slots[slot] !== 0) slot = (slot + 1) % SLOTS;
      this.#slots[slot] = ((hash & REST) << RANK_BITS) | (rank + 1);
    }
  }

  /** Of the token that this part of the text is. The lower one is merged first. */
  rank(text: HashedText, start: number, end: number): number {
    const length = end - start;
    if (length === 2) return this.#pairs[pairAt(text.bytes, start)] as number;
    if (length > LONGEST) return NO_RANK;
    const hash = text.hash(start, end);
    for (let slot = hash >>> (32 - SLOT_BITS); ; slot = (slot + 1) % SLOTS) {
      const found = this.#slots[slot] as number;
      if (found === 0) return NO_RANK;
      if (found >>> RANK_BITS !== (hash & REST)) continue;
      const rank = (found & RANK) - 1;
      if (this.#isAt(rank, text.bytes, start, length)) return rank;
    }
  }

  #isAt(rank: number, bytes: Uint8Array, start: number, length: number): boolean {
    const at = this.#ends[rank] as number;
    if ((this.#ends[rank + 1] as number) - at !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[at + i] !== bytes[start + i]) return false;
    return true;
  }
}

function pairAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

const base64 = new Uint8Array(128);
for (const [i, digit] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  base64[digit.charCodeAt(0)] = i;
}

/** By hand, since `atob` has to be called for each of the 100,000. */
function decodeTokens(line: string): { bytes: Uint8Array; ends: Int32Array } {
  const bytes = new Uint8Array(line.length);
  const ends = [0];
  let end = 0;
  let bits = 0;
  let value = 0;
  for (let i = "! 0 ".length; i <= line.length; i++) {
    const char = line[i];
    if (char === " " || char === undefined) {
      ends.push(end);
      bits = 0;
    } else if (char !== "=") {
      value = (value << 6) | (base64[char.charCodeAt(0)] as number);
      bits += 6;
      if (bits < 8) continue;
      bits -= 8;
      bytes[end++] = value >> bits;
    }
  }
  return { bytes: bytes.slice(0, end), ends: Int32Array.from(ends) };
}
