import type { Call } from "@chatkeep/chat-store-conformance";

type Action = Call["action"];

/** A whole store: each conversation that has messages, by key. */
export type State = Readonly<Record<string, readonly string[]>>;

export interface Flush {
  readonly start: number;
  /** Absent when it did not settle. */
  readonly end?: number;
}

/** What one process did to a file, from when it opened it until it ended. */
export interface Life {
  readonly initial: State;
  /** The calls on each key one after the other, so that their order is known; those on different keys may overlap. */
  readonly calls: readonly Call[];
  readonly flushes: readonly Flush[];
  /** It ended by itself, after which everything that was acknowledged has to be there. */
  readonly ended: boolean;
}

export interface DurabilityFault {
  readonly anomaly: "lost-after-flush" | "torn-file" | "no-such-state";
  readonly key: string;
  readonly report: string;
}

/** A key's states in order: the n-th is that after `writes[n - 1]`. */
interface Line {
  readonly states: readonly (readonly string[])[];
  readonly writes: readonly Call[];
  /** The places at which it was as it was found. */
  readonly places: readonly number[];
  /** The writes up to here were acknowledged before a flush that settled. */
  readonly settled: number;
}

/**
 * Decides whether a file that a process left behind is one moment of its life: for each key a state that it went through, not
 * earlier than the last flush that settled, and all keys of the same moment: where a write is there, every write that had been
 * acknowledged before it was made is, too.
 *
 * Exact. Each key's calls have one order, so that what is sought is the least cut through these orders that agrees with what
 * was found; whatever a cut demands of others only grows with it, so that going up step by step finds it if there is one.
 */
export function checkDurable(life: Life, found: State): DurabilityFault | undefined {
  const keys = new Set([...Object.keys(life.initial), ...Object.keys(found), ...life.calls.map(({ key }) => key)]);
  const lines = new Map([...keys].map((key) => [key, lineOf(key, life, found)]));
  const cut = new Map<string, number>();

  for (const [key, line] of lines) {
    const place = line.places.find((at) => at >= line.settled);
    if (place !== undefined) cut.set(key, place);
    else if (line.places.length === 0) return faultOf("no-such-state", key, line, found, "it never was like this");
    else {
      const when = life.ended ? "before the process ended by itself" : "before a flush that settled";
      return faultOf("lost-after-flush", key, line, found, `this had been overwritten and acknowledged ${when}`);
    }
  }

  for (let changed = true; changed; ) {
    changed = false;
    const latest = latestWrite(lines, cut);
    if (latest === undefined) break;
    for (const [key, line] of lines) {
      const due = acknowledgedBefore(line.writes, latest.start);
      if (due <= (cut.get(key) ?? 0)) continue;
      const place = line.places.find((at) => at >= due);
      if (place === undefined) {
        const why = `a write to ${JSON.stringify(latest.key)} is there, and this is from before it was made`;
        return faultOf("torn-file", key, line, found, why);
      }
      cut.set(key, place);
      changed = true;
    }
  }
  return undefined;
}

/** The write that was made last of those in the cut. */
function latestWrite(lines: ReadonlyMap<string, Line>, cut: ReadonlyMap<string, number>): Call | undefined {
  let latest: Call | undefined;
  for (const [key, { writes }] of lines) {
    const write = writes[(cut.get(key) ?? 0) - 1];
    if (write !== undefined && (latest === undefined || write.start > latest.start)) latest = write;
  }
  return latest;
}

function acknowledgedBefore(writes: readonly Call[], moment: number): number {
  return writes.filter(({ end, outcome }) => outcome === "ok" && end !== undefined && end < moment).length;
}

function lineOf(key: string, life: Life, found: State): Line {
  const calls = life.calls.filter((call) => call.key === key).sort((a, b) => a.start - b.start);
  const states: (readonly string[])[] = [life.initial[key] ?? []];
  const writes: Call[] = [];
  for (const call of calls) {
    const last = writes.at(-1);
    if (last !== undefined && (last.outcome === "unknown" || (last.end ?? call.start) > call.start))
      throw new TypeError(`the calls on ${JSON.stringify(key)} do not follow one another`);
    const rejected = typeof call.answer === "object" && call.answer !== null && "error" in call.answer;
    if (call.outcome === "refused" || rejected || isRead(call.action)) continue;
    writes.push(call);
    states.push(stateAfter(states.at(-1) ?? [], call.action));
  }
  const same = JSON.stringify(found[key] ?? []);
  const places = states.flatMap((state, at) => (JSON.stringify(state) === same ? [at] : []));
  const flushed = life.flushes.filter(({ end }) => end !== undefined).map(({ start }) => start);
  const moment = life.ended ? Number.POSITIVE_INFINITY : Math.max(Number.NEGATIVE_INFINITY, ...flushed);
  return { states, writes, places, settled: acknowledgedBefore(writes, moment) };
}

function isRead({ kind }: Action): boolean {
  return kind === "read" || kind === "page" || kind === "count";
}

function stateAfter(state: readonly string[], action: Action): readonly string[] {
  const without = (index: number, ...put: string[]) => [...state.slice(0, index), ...put, ...state.slice(index + 1)];
  switch (action.kind) {
    case "append":
      return [...state, ...action.values];
    case "insert":
      return [...state.slice(0, action.index), action.value, ...state.slice(action.index)];
    case "pop":
      return state.slice(0, -1);
    case "delete":
      return action.index < state.length ? without(action.index) : state;
    case "edit":
      return action.index < state.length ? without(action.index, action.value) : state;
    case "replace":
      return action.values;
    case "forget":
      return [];
    case "trim":
      return state.slice(Math.max(0, state.length - action.keepLast));
    default:
      return state;
  }
}

function show(state: readonly string[]): string {
  const short = state.map((value) => (value.length > 24 ? `${value.slice(0, 24)}…` : value));
  const middle = short.length > 9 ? [...short.slice(0, 4), `(${short.length - 8} more)`, ...short.slice(-4)] : short;
  return JSON.stringify(middle);
}

function faultOf(
  anomaly: DurabilityFault["anomaly"],
  key: string,
  { places, settled, states, writes }: Line,
  found: State,
  why: string,
): DurabilityFault {
  const last = places.at(-1);
  const lines = [
    `${anomaly} on key ${JSON.stringify(key)}: ${why}`,
    `  found in the file: ${show(found[key] ?? [])}${last === undefined ? "" : `, as after ${last} writes`}`,
    `  writes: ${writes.length}, ${settled} of them acknowledged before the last moment from which all has to be there`,
    `  at that moment:    ${show(states[settled] ?? [])}`,
    `  at the end:        ${show(states.at(-1) ?? [])}`,
  ];
  return { anomaly, key, report: lines.join("\n") };
}
