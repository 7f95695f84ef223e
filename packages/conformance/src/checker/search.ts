import { type Clues, cluesOf } from "./clues.js";
import { Lookahead } from "./lookahead.js";
import { isPassive, replyOf, type State, type Step, stateAfter } from "./model.js";
import { seededRandom } from "./random.js";

export interface SearchOptions {
  initial: State;
  /** The conversation may become empty at any moment. */
  expires: boolean;
  /** Configurations to visit before giving up. */
  maxSteps: number;
  /**
   * Looks at everything that is possible instead of stopping at the first linearization: told each state, and whether the step
   * at `at` might take effect in it. That step itself never does.
   */
  probe?: { at: number; visit: (state: State, enabled: boolean) => void } | undefined;
}

export interface SearchResult {
  verdict: "linearizable" | "impossible" | "undecided";
  /** A linearization, when there is one, as positions of steps; -1 is an expiry. */
  order: number[];
  visited: number;
}

/** The candidate that stands for no step, but for the conversation's expiry. */
const EXPIRY = -1;
const NO_STEP = -2;
/** Configurations until the search begins anew; each round is longer by half. */
const FIRST_ROUND = 1_000;
/** By how many places a candidate may change its rank then. */
const DISTURBANCE = 4;

interface Frame {
  state: State;
  key: string;
  /** What entering this configuration marked as done. */
  marked: number[];
  orderLength: number;
  /** All slots before this one are done. */
  base: number;
  candidates: readonly number[];
  next: number;
}

/**
 * Wing and Gong's search for a linearization, depth first, remembering the configurations that led nowhere: done steps and state,
 * compared for real, not by hash. Decides exactly unless it gives up. Where no call is open, all it remembers of the past is the
 * state, so that a history with quiescent moments costs the sum of its parts and not their product.
 *
 * At worst exponential in the calls that are open at once, those of unknown outcome included; `clues.ts` and `lookahead.ts` hold
 * what keeps it from that.
 */
export function search(steps: readonly Step[], options: SearchOptions): SearchResult {
  const clues = cluesOf(steps, options.initial);
  // When the states are asked for, an impossible history has some too.
  if (clues.impossible && options.probe === undefined) return { verdict: "impossible", order: [], visited: 0 };
  return new Search(steps, clues, options).run();
}

class Search {
  readonly #steps: readonly Step[];
  readonly #clues: Clues;
  readonly #options: SearchOptions;
  readonly #passive: readonly boolean[];
  /** Steps that must take place, by start: a slot each, so that what is done is mostly a prefix and the rest is short. */
  readonly #must: readonly number[];
  /** Steps that may take place. */
  readonly #may: readonly number[];
  readonly #done: Uint8Array;
  readonly #ahead: Lookahead;
  /** Bit and word of each step in its bitset. */
  readonly #slots: number[] = [];
  readonly #mustBits: Uint16Array;
  readonly #mayBits: Uint16Array;
  readonly #order: number[] = [];
  readonly #stateIds = new Map<State, string>();
  readonly #seen = new Set<string>();
  /** After the first round, disturbs the order of candidates. */
  #shuffle: (() => number) | undefined;
  #left: number;
  #visited = 0;

  constructor(steps: readonly Step[], clues: Clues, options: SearchOptions) {
    this.#steps = steps;
    this.#clues = clues;
    this.#options = options;
    this.#passive = steps.map(isPassive);
    const all = steps.map((_, step) => step).filter((step) => step !== options.probe?.at);
    all.sort((a, b) => this.#start(a) - this.#start(b));
    this.#must = all.filter((step) => clues.required[step]);
    this.#may = all.filter((step) => !clues.required[step]);
    for (const group of [this.#must, this.#may])
      group.forEach((step, slot) => {
        this.#slots[step] = slot;
      });
    this.#done = new Uint8Array(steps.length);
    this.#ahead = new Lookahead(steps, clues, this.#done, options.expires, options.probe?.at ?? -1);
    this.#mustBits = new Uint16Array((this.#must.length >> 4) + 1);
    this.#mayBits = new Uint16Array((this.#may.length >> 4) + 1);
    this.#left = this.#must.length;
  }

  run(): SearchResult {
    const stack: Frame[] = [];
    const enter = (state: State, step: number, base: number): boolean => {
      const entered = this.#enter(state, step, base);
      if (entered !== undefined) stack.push(entered);
      return this.#left === 0 && this.#options.probe === undefined;
    };
    let found = enter(this.#options.initial, NO_STEP, 0);
    let round = FIRST_ROUND;
    let roundEnds = round;
    for (let frame = stack.at(-1); frame !== undefined && !found; frame = stack.at(-1)) {
      const step = frame.candidates[frame.next++];
      if (step === undefined) {
        this.#leave(frame);
        stack.pop();
        continue;
      }
      const state = this.#take(frame.state, step);
      if (state === undefined) continue;
      if (this.#visited >= this.#options.maxSteps) return { verdict: "undecided", order: [], visited: this.#visited };
      if (this.#visited < roundEnds || this.#options.probe !== undefined) {
        found = enter(state, step, frame.base);
        continue;
      }
      // A bad choice early on can cost for ever what another order finds at once: begin anew with another. What was found to lead
      // nowhere stays known, so that nothing is done twice; what has not been left yet has not been found so.
      for (const open of stack.reverse()) {
        this.#leave(open);
        this.#seen.delete(open.key);
      }
      stack.length = 0;
      this.#shuffle = this.#shuffle ?? seededRandom(1);
      round *= 1.5;
      roundEnds = this.#visited + round;
      found = enter(this.#options.initial, NO_STEP, 0);
    }
    return { verdict: found ? "linearizable" : "impossible", order: found ? this.#order : [], visited: this.#visited };
  }

  #start(step: number): number {
    return this.#clues.start[step] ?? 0;
  }

  #end(step: number): number {
    return this.#clues.end[step] ?? 0;
  }

  #isDone(step: number): boolean {
    return this.#done[step] === 1;
  }

  #flip(step: number, done: 0 | 1): void {
    const slot = this.#slots[step] ?? 0;
    const must = this.#clues.required[step] === true;
    const bits = must ? this.#mustBits : this.#mayBits;
    this.#done[step] = done;
    bits[slot >> 4] = (bits[slot >> 4] ?? 0) ^ (1 << (slot & 15));
    if (must) this.#left += done === 1 ? -1 : 1;
  }

  #mark(step: number, marked: number[]): void {
    this.#flip(step, 1);
    marked.push(step);
    this.#order.push(step);
    for (const other of this.#steps[step]?.excludes ?? []) {
      if (this.#isDone(other)) continue;
      this.#flip(other, 1);
      marked.push(other);
    }
  }

  #leave(frame: { marked: readonly number[]; orderLength: number }): void {
    for (const step of frame.marked) this.#flip(step, 0);
    this.#order.length = frame.orderLength;
  }

  /** Its predecessors are done, and no step that has to be was over before it started. */
  #enabled(step: number, deadline: number): boolean {
    return this.#start(step) <= deadline && (this.#clues.after[step] ?? []).every((before) => this.#isDone(before));
  }

  /** The slot of the first step that must be done and is not. */
  #firstOpen(from: number): number {
    let base = from;
    while (base < this.#must.length && this.#isDone(this.#must[base] ?? 0)) base++;
    return base;
  }

  /** The steps that must be done, are not, and may be next as far as the times go; and when the first of them is overdue. */
  #window(base: number): { open: number[]; deadline: number } {
    const open: number[] = [];
    let deadline = Number.POSITIVE_INFINITY;
    for (let slot = base; slot < this.#must.length; slot++) {
      const step = this.#must[slot] ?? 0;
      if (this.#start(step) > deadline) break;
      if (this.#isDone(step)) continue;
      deadline = Math.min(deadline, this.#end(step));
      open.push(step);
    }
    return { open, deadline };
  }

  /**
   * The configuration after `step` led to `state`; undefined when it is known to lead nowhere. Steps that change nothing and whose
   * answer fits are done on the spot, which is no loss: whatever is possible without having done them is possible with.
   */
  #enter(state: State, step: number, from: number): Frame | undefined {
    const marked: number[] = [];
    const orderLength = this.#order.length;
    if (step >= 0) this.#mark(step, marked);
    else if (step === EXPIRY) this.#order.push(EXPIRY);

    let base = this.#firstOpen(from);
    let { open, deadline } = this.#window(base);
    for (;;) {
      const before = marked.length;
      for (const one of open) {
        const what = this.#steps[one];
        if (what === undefined || !this.#passive[one] || !this.#enabled(one, deadline)) continue;
        if (replyOf(state, what.move) === what.reply) this.#mark(one, marked);
      }
      if (marked.length === before) break;
      base = this.#firstOpen(base);
      ({ open, deadline } = this.#window(base));
    }

    const frame: Frame = { state, key: "", marked, orderLength, base, candidates: [], next: 0 };
    const { probe } = this.#options;
    if (this.#left === 0 && probe === undefined) return frame;
    const key = this.#key(state, base);
    if (this.#seen.has(key) || !this.#ahead.mayBeSeen(state)) {
      this.#leave(frame);
      return undefined;
    }
    this.#seen.add(key);
    frame.key = key;
    this.#visited++;
    probe?.visit(state, this.#enabled(probe.at, deadline));

    // Who was answered first most likely came first; a call of unknown outcome is tried when nothing else fits.
    const must = open.filter((one) => !this.#passive[one] && this.#enabled(one, deadline));
    must.sort((a, b) => this.#end(a) - this.#end(b));
    const may = this.#may.filter((one) => !this.#isDone(one) && this.#enabled(one, deadline));
    const candidates = [...must, ...may];
    if (this.#options.expires && state !== "") candidates.push(EXPIRY);
    const random = this.#shuffle;
    frame.candidates =
      random === undefined
        ? candidates
        : candidates
            .map((one, rank) => ({ one, rank: rank + DISTURBANCE * random() }))
            .sort((a, b) => a.rank - b.rank)
            .map(({ one }) => one);
    return frame;
  }

  /** Names a configuration: the bits of the steps that may be, the state, and those that must from the first open one on. */
  #key(state: State, base: number): string {
    let id = this.#stateIds.get(state);
    if (id === undefined) {
      const next = this.#stateIds.size;
      id = String.fromCharCode(next & 0xffff, next >>> 16);
      this.#stateIds.set(state, id);
    }
    const from = base >> 4;
    let to = this.#mustBits.length;
    while (to > from && this.#mustBits[to - 1] === 0) to--;
    return id + String.fromCharCode(...this.#mayBits, from & 0xffff, ...this.#mustBits.subarray(from, to));
  }

  /** The state after `step`; undefined when its answer does not fit, or when a clue says that no good can come of it. */
  #take(state: State, step: number): State | undefined {
    if (step === EXPIRY) return this.#ahead.mayGo(state, step) ? "" : undefined;
    const what = this.#steps[step];
    if (what === undefined) return undefined;
    const { move } = what;
    if (what.answered && replyOf(state, move) !== what.reply) return undefined;
    const next = stateAfter(state, move);
    // Without effect it need not happen now; and if it has to (its value was seen), then with effect.
    if (!what.answered && next === state) return undefined;
    if (!this.#clues.unique) return next;

    const { at, kind, values } = move;
    const place = kind === "append" ? state.length : kind === "replace" ? 0 : at;
    const gone =
      kind === "replace" || kind === "forget"
        ? state
        : kind === "trim"
          ? state.slice(0, state.length - next.length)
          : kind === "pop"
            ? state.slice(-1)
            : kind === "delete" || kind === "edit"
              ? state.charAt(at)
              : "";
    if (!this.#ahead.mayGo(gone, step)) return undefined;
    return this.#ahead.mayStand(next, place, values) ? next : undefined;
  }
}
