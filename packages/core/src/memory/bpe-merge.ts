import { type HashedText, NO_RANK, type TokenTable } from "./token-table.js";

/** Up to so many bytes the next pair is looked for among all: a square of the time, but faster than a heap is until there. */
const SHORT = 256;

const starts = new Int32Array(SHORT + 1);
const ranks = new Int32Array(SHORT);

/** The number of tokens that byte-pair encoding makes of a part of a text. O(n log n), so that no text can stall the process. */
export function countMerged(text: HashedText, start: number, end: number, table: TokenTable): number {
  return end - start <= SHORT ? countShort(text, start, end, table) : countLong(text, start, end, table);
}

function countShort(text: HashedText, start: number, end: number, table: TokenTable): number {
  let parts = end - start;
  for (let i = 0; i <= parts; i++) starts[i] = start + i;
  /** Of a part joined with the next; the last one has none. */
  const rankAt = (i: number) =>
    i + 1 < parts ? table.rank(text, starts[i] as number, starts[i + 2] as number) : NO_RANK;
  for (let i = 0; i < parts; i++) ranks[i] = rankAt(i);
  for (;;) {
    let lowest = NO_RANK;
    let at = 0;
    for (let i = 0; i < parts; i++) {
      const rank = ranks[i] as number;
      if (rank < lowest) {
        lowest = rank;
        at = i;
      }
    }
    if (lowest === NO_RANK) return parts;
    parts--;
    for (let i = at + 1; i <= parts; i++) {
      starts[i] = starts[i + 1] as number;
      ranks[i] = ranks[i + 1] as number;
    }
    ranks[at] = rankAt(at);
    if (at > 0) ranks[at - 1] = rankAt(at - 1);
  }
}

/** More than any position in a text, so that rank * POSITIONS + position orders by rank, then from the left, exactly. */
const POSITIONS = 2 ** 32;

function countLong(text: HashedText, start: number, end: number, table: TokenTable): number {
  const length = end - start;
  // A doubly linked list of parts, each named by the position where it starts; `length` closes it.
  const next = new Int32Array(length + 1);
  const previous = new Int32Array(length + 1);
  for (let part = 0; part <= length; part++) {
    next[part] = part + 1;
    previous[part] = part - 1;
  }
  // The rank of each part joined with the next: a heap entry that differs from it is out of date.
  const joined = new Int32Array(length);
  const heap = new Heap(3 * length);
  const offer = (part: number) => {
    const after = next[part] as number;
    const rank = after < length ? table.rank(text, start + part, start + (next[after] as number)) : NO_RANK;
    joined[part] = rank;
    if (rank !== NO_RANK) heap.push(rank * POSITIONS + part);
  };
  for (let part = 0; part < length; part++) offer(part);
  let parts = length;
  while (heap.size > 0) {
    const entry = heap.pop();
    const rank = Math.floor(entry / POSITIONS);
    const part = entry - rank * POSITIONS;
    if (joined[part] !== rank) continue;
    const eaten = next[part] as number;
    const after = next[eaten] as number;
    next[part] = after;
    previous[after] = part;
    joined[eaten] = NO_RANK;
    parts--;
    offer(part);
    if (part > 0) offer(previous[part] as number);
  }
  return parts;
}

/** The lowest number first. */
class Heap {
  size = 0;
  readonly #entries: Float64Array;

  constructor(most: number) {
    this.#entries = new Float64Array(most);
  }

  push(entry: number): void {
    const entries = this.#entries;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent] as number;
      if (above <= entry) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = entry;
  }

  pop(): number {
    const entries = this.#entries;
    const top = entries[0] as number;
    const size = --this.size;
    const last = entries[size] as number;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && (entries[child + 1] as number) < (entries[child] as number)) child++;
      const below = entries[child] as number;
      if (below >= last) break;
      entries[at] = below;
      at = child;
    }
    entries[at] = last;
    return top;
  }
}
