/** Ranks of byte sequences, each written as a string of one character (0 to 255) a byte; a lower rank is merged first. */
export type Ranks = ReadonlyMap<string, number>;

/** More than any position in a string, so that rank * POSITIONS + position orders by rank, then from the left, exactly. */
const POSITIONS = 2 ** 32;

/** The number of tokens that byte-pair encoding makes of `bytes`. O(n log n), so that no text can stall the process. */
export function countMerged(bytes: string, ranks: Ranks): number {
  const end = bytes.length;
  // A doubly linked list of parts, each named by the position where it starts; `end` closes it.
  const next = Int32Array.from({ length: end + 1 }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: end + 1 }, (_, i) => i - 1);
  // The rank of each part joined with the next: a heap entry that differs from it is out of date.
  const joined = new Int32Array(end).fill(-1);
  const heap: number[] = [];
  const offer = (part: number) => {
    const after = next[part] as number;
    const rank = after < end ? ranks.get(bytes.slice(part, next[after])) : undefined;
    joined[part] = rank ?? -1;
    if (rank !== undefined) push(heap, rank * POSITIONS + part);
  };
  for (let part = 0; part < end; part++) offer(part);
  let parts = end;
  for (let entry = pop(heap); entry !== undefined; entry = pop(heap)) {
    const rank = Math.floor(entry / POSITIONS);
    const part = entry - rank * POSITIONS;
    if (joined[part] !== rank) continue;
    const eaten = next[part] as number;
    const after = next[eaten] as number;
    next[part] = after;
    previous[after] = part;
    joined[eaten] = -1;
    parts--;
    offer(part);
    if (part > 0) offer(previous[part] as number);
  }
  return parts;
}

function push(heap: number[], entry: number): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as number;
    if (above <= entry) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: number[]): number | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return top;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    const below = heap[child] as number;
    if (below >= last) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return top;
}
