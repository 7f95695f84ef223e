import { type Clues, cluesOf, type Sight } from "./clues.js";
import { isPassive, replyOf, type State, type Step, stateAfter } from "./model.js";

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
/** Answers to come, of each sort, that a configuration is held against: enough to tell in practice, and cheap. */
const SIGHTS_AHEAD = 3;
const NO_STEP = -2;

interface Frame {
  state: State;
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
 * At worst exponential in the calls that are open at once, those of unknown outcome included; `clues.ts` holds what keeps it from
 * that.
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
  /** Bit and word of each step in its bitset. */
  readonly #slots: number[] = [];
  readonly #mustBits: Uint16Array;
  readonly #mayBits: Uint16Array;
  readonly #order: number[] = [];
  readonly #stateIds = new Map<State, string>();
  readonly #seen = new Set<string>();
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
      found = enter(state, step, frame.base);
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

    const frame: Frame = { state, marked, orderLength, base, candidates: [], next: 0 };
    const { probe } = this.#options;
    if (this.#left === 0 && probe === undefined) return frame;
    const key = this.#key(state, base);
    if (this.#seen.has(key) || !this.#mayBeSeen(state)) {
      this.#leave(frame);
      return undefined;
    }
    this.#seen.add(key);
    this.#visited++;
    probe?.visit(state, this.#enabled(probe.at, deadline));

    // Who was answered first most likely came first; a call of unknown outcome is tried when nothing else fits.
    const must = open.filter((one) => !this.#passive[one] && this.#enabled(one, deadline));
    must.sort((a, b) => this.#end(a) - this.#end(b));
    const may = this.#may.filter((one) => !this.#isDone(one) && this.#enabled(one, deadline));
    frame.candidates = this.#options.expires && state !== "" ? [...must, ...may, EXPIRY] : [...must, ...may];
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
    if (step === EXPIRY) return this.#mayGo(state, step) ? "" : undefined;
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
    if (!this.#mayGo(gone, step)) return undefined;
    return this.#mayStand(next, place, values) ? next : undefined;
  }

  /** None of these messages is still to be seen by anyone. */
  #mayGo(gone: State, by: number): boolean {
    for (let i = 0; i < gone.length; i++) {
      for (const observer of this.#clues.observers[gone.charCodeAt(i)] ?? [])
        if (observer !== by && !this.#isDone(observer)) return false;
    }
    return true;
  }

  /** The messages written at `place` stand as they will be seen. */
  #mayStand(state: State, place: number, values: State): boolean {
    const { seenBefore } = this.#clues;
    for (let i = 0; i < values.length; i++) {
      const unit = values.charCodeAt(i);
      for (let other = 0; other < place; other++) if (seenBefore(unit, state.charCodeAt(other))) return false;
      for (let other = place + values.length; other < state.length; other++)
        if (seenBefore(state.charCodeAt(other), unit)) return false;
    }
    return true;
  }

  /** The next answers can still come about: what they do not show and should, were it there, can be gone in time. */
  #mayBeSeen(state: State): boolean {
    let ends = 0;
    let wholes = 0;
    for (const sight of this.#clues.sights) {
      if (this.#isDone(sight.step) || sight.step === this.#options.probe?.at) continue;
      if (sight.whole ? wholes++ >= SIGHTS_AHEAD : ends++ >= SIGHTS_AHEAD) continue;
      if (!this.#mayShow(state, sight)) return false;
      if (wholes >= SIGHTS_AHEAD && ends >= SIGHTS_AHEAD) break;
    }
    return true;
  }

  #mayShow(state: State, { shows, step, whole }: Sight): boolean {
    const { removers, singles, trims, wipes } = this.#clues;
    const end = this.#end(step);
    const inTime = (other: number) => other !== step && !this.#isDone(other) && this.#start(other) <= end;
    let first = 0;
    while (first < state.length && shows[state.charCodeAt(first)] !== 1) first++;
    const some = first < state.length;
    // What is there and will be shown has to stay: no wipe until then, and no trim beyond it.
    if (!some && (!whole || this.#options.expires || wipes.some(inTime))) return true;
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
