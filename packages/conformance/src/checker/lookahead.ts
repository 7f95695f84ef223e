import type { Clues, Sight } from "./clues.js";
import type { State, Step } from "./model.js";

/** Answers to come, of each sort, that a configuration is held against: enough to tell in practice, and cheap. */
const SIGHTS_AHEAD = 3;

/**
 * Whether a state can still lead to the answers that were given and are not yet accounted for. "No" is certain, "yes" a maybe:
 * what the search need not look into, it does not look into.
 */
export class Lookahead {
  readonly #steps: readonly Step[];
  readonly #clues: Clues;
  /** By step: 1 when it has taken place. The search's own, and always up to date. */
  readonly #done: Uint8Array;
  readonly #expires: boolean;
  readonly #ignored: number;

  constructor(steps: readonly Step[], clues: Clues, done: Uint8Array, expires: boolean, ignored: number) {
    this.#steps = steps;
    this.#clues = clues;
    this.#done = done;
    this.#expires = expires;
    this.#ignored = ignored;
  }

  #isDone(step: number): boolean {
    return this.#done[step] === 1;
  }

  #start(step: number): number {
    return this.#clues.start[step] ?? 0;
  }

  #end(step: number): number {
    return this.#clues.end[step] ?? 0;
  }

  /** None of these messages is still to be seen by anyone. */
  mayGo(gone: State, by: number): boolean {
    for (let i = 0; i < gone.length; i++) {
      for (const observer of this.#clues.observers[gone.charCodeAt(i)] ?? [])
        if (observer !== by && !this.#isDone(observer)) return false;
    }
    return true;
  }

  /** The messages written at `place` stand as they will be seen. */
  mayStand(state: State, place: number, values: State): boolean {
    const { seenBefore } = this.#clues;
    for (let i = 0; i < values.length; i++) {
      const unit = values.charCodeAt(i);
      for (let other = 0; other < place; other++) if (seenBefore(unit, state.charCodeAt(other))) return false;
      for (let other = place + values.length; other < state.length; other++)
        if (seenBefore(state.charCodeAt(other), unit)) return false;
    }
    return true;
  }

  /** The next answers can still come about, as far as a look at them tells. */
  mayBeSeen(state: State): boolean {
    let ends = 0;
    let wholes = 0;
    for (const sight of this.#clues.sights) {
      if (this.#isDone(sight.step) || sight.step === this.#ignored) continue;
      if (sight.whole ? wholes++ >= SIGHTS_AHEAD : ends++ >= SIGHTS_AHEAD) continue;
      if (!this.#mayShow(state, sight)) return false;
      if (wholes >= SIGHTS_AHEAD && ends >= SIGHTS_AHEAD) break;
    }
    let counts = 0;
    for (const count of this.#clues.counts) {
      if (this.#isDone(count.step)) continue;
      if (!this.#mayCount(state.length, count.step, count.length)) return false;
      if (++counts === SIGHTS_AHEAD) break;
    }
    return true;
  }

  /** From `now` messages there can come to be `then` before the step that counts them. */
  #mayCount(now: number, step: number, then: number): boolean {
    const { adders, singles, takers, trims, wipes } = this.#clues;
    const [start, end] = [this.#start(step), this.#end(step)];
    const inTime = (other: number) => !this.#isDone(other) && this.#start(other) <= end;
    let least = now;
    let most = now;
    for (const adder of adders) {
      if (!inTime(adder)) continue;
      const added = this.#steps[adder]?.move.values.length ?? 0;
      most += added;
      if (this.#end(adder) < start) least += added;
    }
    if (then > most) return false;
    if (then >= least || this.#expires || wipes.some(inTime) || trims.some(inTime)) return true;
    return least - then <= takers.filter(inTime).length + singles.filter(inTime).length;
  }

  /** What is there and does not fit what the step will show can be gone in time. */
  #mayShow(state: State, { shows, step, whole }: Sight): boolean {
    const { removers, singles, trims, wipes } = this.#clues;
    const end = this.#end(step);
    const inTime = (other: number) => other !== step && !this.#isDone(other) && this.#start(other) <= end;
    let first = 0;
    while (first < state.length && shows[state.charCodeAt(first)] !== 1) first++;
    const some = first < state.length;
    // What is there and will be shown has to stay: no wipe until then, and no trim beyond it.
    if (!some && (!whole || this.#expires || wipes.some(inTime))) return true;
    let from = whole ? 0 : first;
    if (from < first && trims.some(inTime)) from = first;
    let strangers = 0;
    for (let at = from; at < state.length; at++) {
      const unit = state.charCodeAt(at);
      if (shows[unit] !== 1 && !(removers[unit] ?? []).some(inTime)) strangers++;
    }
    return strangers === 0 || strangers <= singles.filter(inTime).length;
  }
}
