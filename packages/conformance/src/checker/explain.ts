import { diagnose } from "./classify.js";
import { type Answer, type Call, valuesOf, valuesShown } from "./history.js";
import { judgeBy, type Rules } from "./judge.js";
import { Alphabet, type Reply, replyOf } from "./model.js";
import { operationsOf } from "./operations.js";
import { reportOf, showAnswer, showValues } from "./report.js";
import type { Violation } from "./result.js";
import { search } from "./search.js";
import { type FailingPrefix, withoutNeedlessReads } from "./shrink.js";

const MAX_STEPS = 50_000;
const MAX_STATES = 2_000;
const MAX_LEGAL = 16;
const MAX_SHOWN = 4;
const MAX_EXCERPT = 16;

interface Possible {
  /** States in which the call may have taken effect, and what it should have been told there. */
  before: { state: string[]; answer: Answer | undefined }[];
  /** All states the conversation can have gone through. */
  states: string[][];
}

function possibleFor(calls: readonly Call[], call: Call, rules: Rules): Possible {
  const { operations } = operationsOf(calls);
  const at = operations.findIndex((operation) => operation.calls.includes(call));
  const operation = operations[at];
  if (operation === undefined) return { before: [], states: [] };
  operation.answered = false;
  operation.answer = undefined;
  const alphabet = new Alphabet();
  const initial = alphabet.encode(rules.initial);
  const steps = alphabet.steps(operations);
  const before = new Set<string>();
  const states = new Set<string>();
  search(steps, {
    initial,
    expires: rules.expires,
    maxSteps: MAX_STEPS,
    probe: {
      at,
      visit: (state, enabled) => {
        if (states.size < MAX_STATES) states.add(state);
        if (enabled && before.size < MAX_STATES) before.add(state);
      },
    },
  });

  // Of what was visited some led nowhere: an answer counts as possible when the history is linearizable with it.
  const judge = judgeBy({ ...rules, maxSteps: MAX_STEPS });
  const move = alphabet.move(call.action);
  const verdicts = new Map<Reply, boolean>();
  const legal = [...before].filter((state) => {
    const reply = replyOf(state, move);
    const known = verdicts.get(reply);
    if (known !== undefined || verdicts.size >= MAX_LEGAL) return known === true;
    const answer = alphabet.answer(call.action, reply);
    const would = judge(calls.map((other) => (other === call ? { ...call, answer } : other))) === "linearizable";
    verdicts.set(reply, would);
    return would;
  });
  return {
    before: legal.map((state) => ({
      state: alphabet.decode(state),
      answer: alphabet.answer(call.action, replyOf(state, move)),
    })),
    states: [...states].map((state) => alphabet.decode(state)),
  };
}

/** The calls that have to do with these values or with this call, the nearest first when there are too many. */
function excerptOf(calls: readonly Call[], call: Call, about: readonly string[]): Call[] {
  const values = new Set(about);
  const weight = (other: Call): number => {
    if (other === call) return 4;
    if (other.operationId !== undefined && other.operationId === call.operationId) return 3;
    if (valuesOf(other.action).some((value) => values.has(value))) return 3;
    if (typeof other.answer === "string" && values.has(other.answer)) return 3;
    if ((other.end ?? Number.POSITIVE_INFINITY) > call.start) return 2;
    if (["replace", "forget", "trim"].includes(other.action.kind)) return 2;
    return valuesShown(other.answer).some((value) => values.has(value)) ? 1 : 0;
  };
  return calls
    .map((other, at) => ({ other, at, weight: weight(other) }))
    .sort((a, b) => b.weight - a.weight || b.at - a.at)
    .slice(0, MAX_EXCERPT)
    .sort((a, b) => a.at - b.at)
    .map(({ other }) => other);
}

function withoutId(call: Call): Call {
  const { operationId: _, ...rest } = call;
  return rest;
}

/** The counterexample of one key: what failed, what it is called, and the calls that show it. */
export function explain(key: string, all: readonly Call[], prefix: FailingPrefix, rules: Rules): Violation {
  const { calls, last: call } = prefix;
  const judge = judgeBy({ ...rules, maxSteps: Math.min(rules.maxSteps, MAX_STEPS) });
  const { before, states } = possibleFor(calls, call, rules);
  const legal = [...new Map(before.map(({ answer }) => [JSON.stringify(answer), answer])).values()];
  const diagnosis = diagnose({
    all,
    calls,
    call,
    initial: rules.initial,
    legal,
    states,
    rightEarlier: () => judge(calls, call) === "linearizable",
    rightWithoutIds: () => {
      const ids = calls.flatMap(({ operationId }) => operationId ?? []);
      return new Set(ids).size < ids.length && judge(calls.map(withoutId)) === "linearizable";
    },
  });
  // The clues in the reads that can be left out went into the states; the timeline is better without them.
  const needed = withoutNeedlessReads(calls, call, judge);
  const unseen = ["refused-but-applied", "read-from-the-future"].includes(diagnosis.anomaly)
    ? all.filter(
        (other) => !calls.includes(other) && valuesOf(other.action).some((value) => diagnosis.about.includes(value)),
      )
    : [];
  const excerpt = excerptOf([...needed, ...unseen], call, diagnosis.about);

  const many = (list: readonly string[]) =>
    list.slice(0, MAX_SHOWN).join(" or ") + (list.length > MAX_SHOWN ? ` or ${list.length - MAX_SHOWN} more` : "");
  const possible = before.map(({ state }) => state);
  const lines = [
    `the call: ${call.client} ${call.action.kind} was told ${showAnswer(call.answer)}`,
    ...(legal.length > 0 ? [`expected: ${many(legal.map(showAnswer))}`] : []),
    ...(possible.length > 0 ? [`states it may have met: ${many(possible.map(showValues))}`] : []),
    `the ${calls.length} calls until then fail, and did not before its answer`,
  ];
  const { anomaly, also, message } = diagnosis;
  const violation = { key, anomaly, also, message, call, possible: possible.slice(0, MAX_SHOWN), excerpt };
  return { ...violation, report: reportOf(violation, lines, calls.length + unseen.length - excerpt.length) };
}
