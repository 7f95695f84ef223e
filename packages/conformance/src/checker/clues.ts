import { isPassive, type State, type Step } from "./model.js";

/**
 * What the answers of a whole history say beforehand, so that the search need not find it out by trial. All of it rests on every
 * value being written by one step only; where one is not, only the times are left (`unique` is false).
 *
 * Everything here follows from the history: using it loses no linearization and admits none.
 */
export interface Clues {
  unique: boolean;
  /** Answers contradict each other or the times, so that the history cannot be linearized. */
  impossible: boolean;
  /** Tightened intervals. */
  start: number[];
  end: number[];
  /** Steps that must take place: answered, or their value was seen. */
  required: boolean[];
  /** Steps that must come before each. */
  after: number[][];
  /** By unit: the steps whose answer shows it. It must not go before they took place. */
  observers: (readonly number[])[];
  /** By unit: the steps that are known to have taken just this message away. */
  removers: (readonly number[])[];
  /** Steps that may take away any one message. */
  singles: readonly number[];
  /** Steps that may take away the oldest messages. */
  trims: readonly number[];
  /** Steps that take away everything. */
  wipes: readonly number[];
  /** Answers that show the newest messages, by end. */
  sights: readonly Sight[];
  /** Answers that tell the length, by end. */
  counts: readonly { step: number; length: number }[];
  /** Steps that add messages, and those that are known to have taken away one. */
  adders: readonly number[];
  takers: readonly number[];
  /** Some answer shows unit `a` before unit `b`. */
  seenBefore(a: number, b: number): boolean;
}

/** What an answer says about the end of the conversation. */
export interface Sight {
  step: number;
  /** By unit: 1 where the answer shows it. */
  shows: Uint8Array;
  /** It shows all there is. */
  whole: boolean;
}

const MAX_MATRIX = 2048;
const MAX_PAIRS = 20_000_000;

/** A pop sees the newest message, or that there is none. */
function sightOf(step: Step, index: number, units: number): Sight | undefined {
  const { answered, move, reply } = step;
  const { kind } = move;
  if (!answered || (typeof reply !== "string" && reply !== null)) return undefined;
  if (kind !== "read" && kind !== "page" && kind !== "pop") return undefined;
  const shows = new Uint8Array(units);
  for (const unit of reply ?? "") shows[unit.charCodeAt(0)] = 1;
  const whole = kind === "read" || reply === null || (kind === "page" && reply.length < move.at);
  return { step: index, shows, whole };
}

/** Of which units some answer shows one before the other; nothing when there would be too many pairs. */
function orderSeen(steps: readonly Step[], units: number): { consistent: boolean; before: Clues["seenBefore"] } {
  let pairs = 0;
  for (const step of steps) if (typeof step.reply === "string") pairs += step.reply.length ** 2 / 2;
  if (units > MAX_MATRIX || pairs > MAX_PAIRS) return { consistent: true, before: () => false };
  const seen = new Uint8Array(units * units);
  let consistent = true;
  for (const { reply } of steps) {
    if (typeof reply !== "string") continue;
    for (let i = 0; i < reply.length; i++) {
      const a = reply.charCodeAt(i);
      for (let j = i + 1; j < reply.length; j++) {
        const b = reply.charCodeAt(j);
        seen[a * units + b] = 1;
        if (seen[b * units + a] === 1) consistent = false;
      }
    }
  }
  return { consistent, before: (a, b) => seen[a * units + b] === 1 };
}

export function cluesOf(steps: readonly Step[], initial: State): Clues {
  const start = steps.map((step) => step.start);
  const end = steps.map((step) => step.end);
  const required = steps.map((step) => step.answered);
  const after = steps.map((step) => [...step.after]);
  const clues: Clues = {
    unique: true,
    impossible: false,
    start,
    end,
    required,
    after,
    observers: [],
    removers: [],
    singles: [],
    trims: [],
    wipes: [],
    sights: [],
    counts: [],
    adders: [],
    takers: [],
    seenBefore: () => false,
  };

  const writer = new Map<string, number>();
  const INITIAL = -1;
  const introduce = (units: State, by: number) => {
    for (const unit of units) {
      if (writer.has(unit)) clues.unique = false;
      writer.set(unit, by);
    }
  };
  introduce(initial, INITIAL);
  steps.forEach((step, index) => {
    if (!isPassive(step)) introduce(step.move.values, index);
  });
  if (!clues.unique) return clues;

  const observers: number[][] = [];
  const removers: number[][] = [];
  const singles: number[] = [];
  const trims: number[] = [];
  const wipes: number[] = [];
  const of = (list: number[][], unit: string): number[] => {
    const code = unit.charCodeAt(0);
    const known = list[code];
    if (known !== undefined) return known;
    const made: number[] = [];
    list[code] = made;
    return made;
  };
  let units = 0;
  for (const unit of writer.keys()) units = Math.max(units, unit.charCodeAt(0) + 1);

  steps.forEach((step, index) => {
    const { kind } = step.move;
    const takesOne = kind === "pop" || kind === "delete" || kind === "edit";
    if (takesOne && !step.answered) singles.push(index);
    if (kind === "trim" && !isPassive(step)) trims.push(index);
    if (kind === "replace" || kind === "forget") wipes.push(index);
    if (typeof step.reply !== "string") return;
    for (const unit of step.reply) {
      const by = writer.get(unit);
      if (by === undefined) {
        clues.impossible = true;
        continue;
      }
      of(observers, unit).push(index);
      if (takesOne) of(removers, unit).push(index);
      if (by === INITIAL) continue;
      after[index]?.push(by);
      required[by] = true;
      end[by] = Math.min(end[by] ?? 0, step.end);
    }
  });
  if (clues.impossible) return clues;

  steps.forEach((_, index) => {
    for (const before of after[index] ?? []) start[index] = Math.max(start[index] ?? 0, steps[before]?.start ?? 0);
  });
  // Who takes a message away comes after all who saw it.
  removers.forEach((taking, code) => {
    if (taking.length > 1) clues.impossible = true;
    for (const taker of taking)
      for (const observer of observers[code] ?? []) if (observer !== taker) after[taker]?.push(observer);
  });

  clues.observers = observers;
  clues.removers = removers;
  clues.singles = singles;
  clues.trims = trims;
  clues.wipes = wipes;
  clues.sights = steps
    .flatMap((step, index) => sightOf(step, index, units) ?? [])
    .sort((a, b) => (end[a.step] ?? 0) - (end[b.step] ?? 0));
  clues.counts = steps
    .flatMap(({ answered, move, reply }, step) =>
      answered && move.kind === "count" && typeof reply === "number" ? [{ step, length: reply }] : [],
    )
    .sort((a, b) => (end[a.step] ?? 0) - (end[b.step] ?? 0));
  const indices = steps.map((_, index) => index);
  clues.adders = indices.filter((index) => {
    const step = steps[index];
    return step !== undefined && ["append", "insert", "replace"].includes(step.move.kind) && !isPassive(step);
  });
  clues.takers = indices.filter((index) => {
    const step = steps[index];
    return (step?.move.kind === "pop" || step?.move.kind === "delete") && typeof step.reply === "string";
  });
  const order = orderSeen(steps, units);
  clues.seenBefore = order.before;
  if (!order.consistent || start.some((from, index) => from > (end[index] ?? 0))) clues.impossible = true;
  return clues;
}
