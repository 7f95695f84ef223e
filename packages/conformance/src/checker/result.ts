import type { Call } from "./history.js";

/** What went wrong, where it can be told. */
export type Anomaly =
  /** An acknowledged message is not there, and is not seen again. */
  | "lost"
  /** A message is there more often than it was written. */
  | "doubled"
  /** Messages in an order that they cannot have, or two readers with two orders. */
  | "reordered"
  /** Part of a batch or replacement, or an answer made of two states. */
  | "torn"
  /** An answer from before something that had been acknowledged. */
  | "stale-read"
  /** A message that was removed or replaced is back. */
  | "resurrected"
  /** A value that nobody wrote. */
  | "foreign-value"
  /** A value was seen before the call that wrote it was made. */
  | "read-from-the-future"
  /** The value of a write that was said not to have happened. */
  | "refused-but-applied"
  /** One message was given to two calls that each removed it. */
  | "taken-twice"
  | "wrong-count"
  /** An answer that no state explains, and none of the above. */
  | "wrong-answer"
  /** Two calls with one operation id were answered differently. */
  | "retry-answered-differently"
  /** Two different actions with one operation id were both acknowledged. */
  | "operation-id-reused";

/** Something that cannot be true of a correct store, with the calls that show it. */
export interface Violation {
  key: string;
  anomaly: Anomaly;
  /** Other names that fit as well. */
  also: readonly Anomaly[];
  /** One sentence. */
  message: string;
  /** The call whose answer fits no order of the calls. */
  call: Call;
  /** Some states the conversation may have been in when that call took effect. */
  possible: readonly (readonly string[])[];
  /** The calls that matter most, by start. */
  excerpt: readonly Call[];
  /** All of this as text, with the timeline. */
  report: string;
}

/** The verdict on a history. Only `"linearizable"` is a pass. */
export interface CheckResult {
  /** Only "linearizable" is a pass. */
  verdict: "linearizable" | "violation" | "undecided";
  violations: readonly Violation[];
  /** What could not be decided, and why. */
  undecided: readonly string[];
  calls: number;
  keys: number;
}

export function resultOf(
  violations: readonly Violation[],
  undecided: readonly string[],
  calls: number,
  keys: number,
): CheckResult {
  const verdict = violations.length > 0 ? "violation" : undecided.length > 0 ? "undecided" : "linearizable";
  return { verdict, violations, undecided, calls, keys };
}

/** The result as text: one line for a pass, the reports otherwise. */
export function describeResult(result: CheckResult): string {
  const head = `${result.verdict}: ${result.calls} calls on ${result.keys} key${result.keys === 1 ? "" : "s"}`;
  return [head, ...result.violations.map((violation) => violation.report), ...result.undecided].join("\n\n");
}

/** Throws an Error with the reports unless the history is linearizable; also when that could not be decided. */
export function assertLinearizable(result: CheckResult): void {
  if (result.verdict !== "linearizable") throw new Error(describeResult(result));
}
