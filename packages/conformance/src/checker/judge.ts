import type { Call } from "./history.js";
import { Alphabet } from "./model.js";
import { operationsOf } from "./operations.js";
import { search } from "./search.js";

export interface Rules {
  /** What the conversation held before. */
  initial: readonly string[];
  expires: boolean;
  maxSteps: number;
}

/** Whether one key's calls are linearizable: the question that shrinking and explaining ask again and again. */
export type Judge = (
  calls: readonly Call[],
  /** This call may have taken effect before it was made. */
  early?: Call | undefined,
) => "linearizable" | "impossible" | "undecided";

export function judgeBy(rules: Rules): Judge {
  return (calls, early) => {
    const { operations, conflicts } = operationsOf(calls);
    if (conflicts.length > 0) return "impossible";
    if (early !== undefined)
      for (const operation of operations)
        if (operation.calls.includes(early)) operation.start = Number.NEGATIVE_INFINITY;
    const alphabet = new Alphabet();
    const { expires, maxSteps } = rules;
    const initial = alphabet.encode(rules.initial);
    return search(alphabet.steps(operations), { initial, expires, maxSteps }).verdict;
  };
}
