import { seededRandom } from "@chatkeep/test-servers";

export type Random = () => number;

/** A generator for one part of a run, e.g. the third client in the tenth round. */
export function randomFor(seed: number, ...part: readonly number[]): Random {
  return seededRandom(seedFor(seed, ...part));
}

/** A seed for one part of a run. */
export function seedFor(seed: number, ...part: readonly number[]): number {
  let mixed = seed | 0;
  for (const number of part) mixed = Math.imul(mixed ^ (number + 0x9e3779b9), 0x01000193) ^ (mixed >>> 15);
  return mixed >>> 0;
}

/** A whole number from `low` to `high`, both included. */
export function integer(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}
