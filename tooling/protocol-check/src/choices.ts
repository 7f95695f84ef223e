/** Decides whatever is left open in a run: who moves, and what goes wrong. */
export interface Chooser {
  /** One of `options` possibilities: 0 to `options` - 1. */
  choose(options: number): number;
}

/** By chance, the same for the same seed. */
export class RandomChooser implements Chooser {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0;
  }

  choose(options: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * options);
  }
}

/** Takes every way once, over many runs: depth first, beginning with the first possibility everywhere. */
export class EveryChooser implements Chooser {
  readonly #path: { taken: number; options: number }[] = [];
  #depth = 0;

  choose(options: number): number {
    const step = this.#path[this.#depth];
    this.#depth++;
    if (step !== undefined) {
      if (step.options !== options)
        throw new Error("The run is not deterministic: another number of possibilities than before.");
      return step.taken;
    }
    this.#path.push({ taken: 0, options });
    return 0;
  }

  /** Goes on to the next way; false when there is none. */
  next(): boolean {
    this.#depth = 0;
    for (let last = this.#path.at(-1); last !== undefined; last = this.#path.at(-1)) {
      if (++last.taken < last.options) return true;
      this.#path.pop();
    }
    return false;
  }
}
