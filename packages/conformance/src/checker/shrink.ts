import { type Call, isReadLike } from "./history.js";
import type { Judge } from "./judge.js";

/**
 * What was known once the first `count` answers had come, by end: later answers are forgotten, later calls have not been made. A
 * call that is still open then may have happened or not. If this cannot be linearized, nor can anything longer.
 */
function prefixOf(calls: readonly Call[], answered: readonly Call[], count: number): Call[] {
  const known = new Set(answered.slice(0, count));
  const until = answered[count - 1]?.end ?? Number.NEGATIVE_INFINITY;
  return calls.flatMap((call): Call[] => {
    if (known.has(call)) return [call];
    if (call.start > until || call.outcome === "refused") return [];
    if (call.outcome === "unknown") return [call];
    if (isReadLike(call.action)) return [];
    const { answer: _answer, end: _end, ...open } = call;
    return [{ ...open, outcome: "unknown" }];
  });
}

export interface FailingPrefix {
  calls: Call[];
  /** The answer that came last: until then all was well. */
  last: Call;
}

/** The shortest prefix that is known to fail; undefined when none is. */
export function shortestFailingPrefix(calls: readonly Call[], judge: Judge): FailingPrefix | undefined {
  const answered = calls.filter((call) => call.outcome === "ok").sort((a, b) => (a.end ?? 0) - (b.end ?? 0));
  let shortest: FailingPrefix | undefined;
  let low = 1;
  let high = answered.length;
  while (low <= high) {
    const count = (low + high) >> 1;
    const prefix = prefixOf(calls, answered, count);
    const verdict = judge(prefix);
    const last = answered[count - 1];
    if (verdict === "impossible" && last !== undefined) shortest = { calls: prefix, last };
    // Too much to decide: only something shorter can be.
    if (verdict === "linearizable") low = count + 1;
    else high = count - 1;
  }
  return shortest;
}

/** Says nothing but what it was told: leaving it out cannot make a good history bad. */
function onlyObserves(call: Call): boolean {
  return isReadLike(call.action) || (call.outcome === "ok" && call.answer === null);
}

/** Leaves out reads, many at once and then fewer, as long as the rest fails still. */
export function withoutNeedlessReads(calls: readonly Call[], keep: Call, judge: Judge): Call[] {
  let rest = [...calls];
  let reads = rest.filter((call) => call !== keep && call.operationId === undefined && onlyObserves(call));
  for (let size = reads.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < reads.length; ) {
      const dropped = new Set(reads.slice(from, from + size));
      const fewer = rest.filter((call) => !dropped.has(call));
      if (judge(fewer) === "impossible") {
        rest = fewer;
        reads = reads.filter((call) => !dropped.has(call));
      } else from += size;
    }
  }
  return rest;
}
