import { explain } from "./explain.js";
import { byKey, type History, type Initial, initialOf } from "./history.js";
import { judgeBy } from "./judge.js";
import { TooManyValues } from "./model.js";
import { type IdConflict, operationsOf } from "./operations.js";
import { reportOf, showAction, showAnswer } from "./report.js";
import { type CheckResult, resultOf, type Violation } from "./result.js";
import { shortestFailingPrefix } from "./shrink.js";

/** What is known beside the history, and how long to search. */
export interface CheckOptions {
  /** What each conversation held before the history; nothing when absent. */
  initial?: Initial | undefined;
  /** The store has a TTL: a conversation may become empty at any moment, and only as a whole. */
  expires?: boolean | undefined;
  /** Configurations to visit per key before the answer is "undecided"; 500,000 when absent: some seconds, some 100 MB. */
  maxSteps?: number | undefined;
}

const DEFAULT_MAX_STEPS = 500_000;

function violationOf(key: string, { first, second, what }: IdConflict): Violation {
  const violation: Omit<Violation, "report"> = {
    key,
    anomaly: what === "answers" ? "retry-answered-differently" : "operation-id-reused",
    also: [],
    message:
      what === "answers"
        ? `operation ${second.operationId} answered ${showAnswer(first.answer)} to one call and ${showAnswer(second.answer)} to another`
        : `operation ${second.operationId} was acknowledged as ${showAction(first.action)} and as ${showAction(second.action)}`,
    call: second,
    possible: [],
    excerpt: [first, second],
  };
  return { ...violation, report: reportOf(violation, [], 0) };
}

/**
 * Decides whether a history of any calls is linearizable: whether every call can be given one moment between its start and its
 * end, a write of unknown outcome any moment after its start or none, such that a plain list that does them in this order gives
 * all the answers that were given. Keys are judged one by one, which is no loss.
 *
 * Exact up to the step limit, beyond which the verdict is "undecided". Made for some hundred calls per key, up to 8 of them open
 * at once, where it takes milliseconds. It lives on unique values: where one is written twice, most of its clues are gone and
 * only small histories are decided. Long runs of appends are for `checkAppendOnly`.
 *
 * A violation is reported at the shortest prefix that fails. Throws a TypeError when a call is not well formed.
 */
export function checkHistory(history: History, options: CheckOptions = {}): CheckResult {
  const { expires = false, maxSteps = DEFAULT_MAX_STEPS } = options;
  const violations: Violation[] = [];
  const undecided: string[] = [];
  const keys = byKey(history);
  for (const [key, calls] of keys) {
    const { conflicts } = operationsOf(calls);
    if (conflicts.length > 0) {
      violations.push(...conflicts.map((conflict) => violationOf(key, conflict)));
      continue;
    }
    const rules = { initial: initialOf(options.initial, key), expires, maxSteps };
    const judge = judgeBy(rules);
    try {
      if (judge(calls) === "linearizable") continue;
      // A prefix may be decided, and fail, where the whole is too much.
      const prefix = shortestFailingPrefix(calls, judge);
      if (prefix !== undefined) violations.push(explain(key, calls, prefix, rules));
      else undecided.push(`key ${JSON.stringify(key)}: ${calls.length} calls not decided in ${maxSteps} steps`);
    } catch (error) {
      if (!(error instanceof TooManyValues)) throw error;
      undecided.push(`key ${JSON.stringify(key)}: ${error.message}`);
    }
  }
  return resultOf(violations, undecided, history.length, keys.size);
}
