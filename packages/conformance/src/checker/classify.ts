import { type Answer, type Call, isReadLike, isRejection, valuesOf, valuesShown } from "./history.js";
import { operationsOf } from "./operations.js";
import { showAnswer, showValues } from "./report.js";
import type { Anomaly } from "./result.js";

/** A call whose answer fits no order, and all that helps to say why. */
export interface Evidence {
  /** All calls of the key, also those after the failure. */
  all: readonly Call[];
  /** Those up to the failure. */
  calls: readonly Call[];
  call: Call;
  initial: readonly string[];
  /** The answers that the call could have been given. */
  legal: readonly (Answer | undefined)[];
  /** States that the conversation can have gone through, as far as they were looked at. */
  states: readonly (readonly string[])[];
  /** The answer would have been right before the call was made. */
  rightEarlier: () => boolean;
  /** Everything would be right if calls with one operation id were operations of their own. */
  rightWithoutIds: () => boolean;
}

export interface Diagnosis {
  anomaly: Anomaly;
  also: Anomaly[];
  message: string;
  /** The values it is about. */
  about: string[];
}

function count<T>(list: readonly T[], item: T): number {
  return list.reduce((sum, other) => sum + (other === item ? 1 : 0), 0);
}

function sameMembers(a: readonly (string | null)[], b: readonly (string | null)[]): boolean {
  return a.length === b.length && JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

/** How often each value was written: by the state before and by each operation once. */
function timesWritten(evidence: Evidence): Map<string, number> {
  const times = new Map<string, number>();
  const written = operationsOf(evidence.calls).operations.filter(({ answer }) => !isRejection(answer));
  for (const value of [...evidence.initial, ...written.flatMap(({ action }) => valuesOf(action))])
    times.set(value, (times.get(value) ?? 0) + 1);
  return times;
}

/** A value that is in an answer although nothing before it can have put it there. */
function unwritten(evidence: Evidence, shown: readonly string[], times: Map<string, number>): Diagnosis | undefined {
  const value = shown.find((one) => !times.has(one));
  if (value === undefined) return undefined;
  const writers = evidence.all.filter((call) => valuesOf(call.action).includes(value));
  const name = showValues([value]);
  const found = (anomaly: Anomaly, message: string): Diagnosis => ({ anomaly, also: [], message, about: [value] });
  if (writers.length === 0) return found("foreign-value", `${name} was never written to this key`);
  if (writers.every((call) => call.outcome === "refused" || isRejection(call.answer)))
    return found("refused-but-applied", `${name} was written only by a call that was said not to have happened`);
  return found("read-from-the-future", `${name} was seen before the call that wrote it was made`);
}

/** Is it seen in an answer that came after the call was made? */
function seenLater({ all, call }: Evidence, value: string): boolean {
  return all.some(
    (other) => other !== call && (other.end ?? 0) > call.start && valuesShown(other.answer).includes(value),
  );
}

/** Is there a full read, made after the call was, that does not show it? */
function goneLater({ all, call }: Evidence, value: string): boolean {
  return all.some(
    (other) =>
      other !== call &&
      other.outcome === "ok" &&
      other.action.kind === "read" &&
      other.start > call.start &&
      !valuesShown(other.answer).includes(value),
  );
}

/** A batch or replacement that is whole or absent in every legal answer, and shown in part or with others in between. */
function tornBatch(evidence: Evidence, shown: readonly string[], legal: readonly (readonly string[])[]): string[] {
  for (const { action } of operationsOf(evidence.calls).operations) {
    const batch = valuesOf(action);
    if (batch.length < 2) continue;
    const broken = (list: readonly string[]) => {
      const first = list.findIndex((value) => batch.includes(value));
      const last = list.findLastIndex((value) => batch.includes(value));
      return first >= 0 && !sameMembers(list.slice(first, last + 1), batch);
    };
    if (broken(shown) && !legal.some(broken)) return [...batch];
  }
  return [];
}

/** In the states that have both: how far the second is behind the first. */
function gaps(states: Evidence["states"], a: string, b: string): number[] {
  return states
    .filter((state) => state.includes(a) && state.includes(b))
    .map((state) => state.indexOf(b) - state.indexOf(a));
}

function neighbours(shown: readonly string[]): [string, string][] {
  return shown.slice(1).map((value, at) => [shown[at] ?? "", value]);
}

/** Neighbours that were never there at the same time. */
function fromTwoStates({ states }: Evidence, shown: readonly string[]): Diagnosis | undefined {
  const pair = neighbours(shown).find(([a, b]) => gaps(states, a, b).length === 0);
  const message = `${showValues(pair ?? [])} were never there at the same time`;
  return pair === undefined ? undefined : { anomaly: "torn", also: [], message, about: pair };
}

/** Neighbours that always had another order, or something between them. */
function falseNeighbours({ states }: Evidence, shown: readonly string[]): Diagnosis | undefined {
  const pair = neighbours(shown).find(([a, b]) => !gaps(states, a, b).includes(1));
  if (pair === undefined) return undefined;
  return gaps(states, ...pair).every((gap) => gap < 0)
    ? { anomaly: "reordered", also: [], message: `${showValues(pair)} were never there in this order`, about: pair }
    : { anomaly: "torn", also: [], message: `what is between ${showValues(pair)} is left out`, about: pair };
}

/** A replacement that was under way, of which neither the old nor the new is shown. */
function emptiedFirst({ calls, call }: Evidence, shown: readonly string[]): Call | undefined {
  if (shown.length > 0) return undefined;
  return calls.find(
    (other) =>
      other.action.kind === "replace" &&
      other.action.values.length > 0 &&
      other.start <= (call.end ?? Number.POSITIVE_INFINITY) &&
      (other.end ?? Number.POSITIVE_INFINITY) >= call.start,
  );
}

/** What a removal was told to have been there. */
function diagnoseRemoval(evidence: Evidence, shown: readonly string[], missing: readonly string[]): Diagnosis {
  const { call, calls, states } = evidence;
  const [value = ""] = shown;
  const takers = calls.filter(
    (other) =>
      other !== call &&
      (other.operationId === undefined || other.operationId !== call.operationId) &&
      typeof other.answer === "string" &&
      other.answer === value,
  );
  if (shown.length > 0 && takers.length > 0 && (timesWritten(evidence).get(value) ?? 0) <= takers.length)
    return {
      anomaly: "taken-twice",
      also: [],
      message: `${showValues(shown)} was also given to ${takers.map((other) => other.client).join(", ")}, as removed`,
      about: [...shown],
    };
  const also: Anomaly[] = missing.some((one) => !seenLater(evidence, one)) ? ["lost"] : [];
  if (shown.length > 0 && !states.some((state) => state.includes(value))) also.push("resurrected");
  const about = [...shown, ...missing];
  return { anomaly: "wrong-answer", also, message: `it was told ${showAnswer(call.answer)}`, about };
}

/** An answer that shows messages: a read, a page, or what a removal says was there. */
function diagnoseMessages(evidence: Evidence, shown: readonly string[]): Diagnosis {
  const times = timesWritten(evidence);
  const all = evidence.legal.map(valuesShown);
  // An empty conversation may be legal because it may have expired, which explains nothing that is missing from a full one.
  const filled = all.filter((list) => list.length > 0);
  const legal = filled.length > 0 ? filled : all;
  const whole = isReadLike(evidence.call.action);

  const foreign = unwritten(evidence, shown, times);
  if (foreign !== undefined) return foreign;
  const double = shown.find((value) => count(shown, value) > (times.get(value) ?? 0));
  if (double !== undefined)
    return {
      anomaly: "doubled",
      also: [],
      message: `${showValues([double])} is there ${count(shown, double)} times and was written ${times.get(double)} times`,
      about: [double],
    };

  const missing = [...new Set(legal.flat())].filter(
    (value) => !shown.includes(value) && legal.every((list) => list.includes(value)),
  );
  const extra = shown.filter((value) => !legal.some((list) => list.includes(value)));
  const about = [...missing, ...extra];
  const lost = missing.filter((value) => !seenLater(evidence, value));
  const isLost = (also: Anomaly[]): Diagnosis => ({
    anomaly: "lost",
    also,
    message: `${showValues(lost)} was acknowledged and is not there`,
    about,
  });
  const isBack = (): Diagnosis => ({
    anomaly: "resurrected",
    also: [],
    message: `${showValues(extra)} is back after it was gone`,
    about,
  });

  const emptied = whole ? emptiedFirst(evidence, shown) : undefined;
  if (emptied !== undefined)
    return {
      anomaly: "torn",
      also: [],
      message: "a replacement shows neither the old nor the new",
      about: [...missing],
    };

  // A removal that is told a message computes on what it finds: only finding nothing is as telling as a read.
  if ((whole || shown.length === 0) && evidence.rightEarlier()) {
    const passing = missing.length > lost.length || extra.some((value) => goneLater(evidence, value));
    if (!passing && extra.length > 0) return isBack();
    if (!passing && lost.length > 0) return isLost([]);
    const message = "the answer was right once, but that was over before the call was made";
    return { anomaly: "stale-read", also: [], message, about };
  }
  if (!whole) return diagnoseRemoval(evidence, shown, missing);

  const torn = tornBatch(evidence, shown, legal);
  if (torn.length > 0) {
    const message = `${showValues(torn)} was written at once and is there in part, or with others in between`;
    return { anomaly: "torn", also: [], message, about: torn };
  }
  const order = "the right messages in an order that they cannot have";
  if (legal.some((list) => sameMembers(list, shown)))
    return { anomaly: "reordered", also: [], message: order, about: [...shown] };
  const mixed = missing.length > 0 ? fromTwoStates(evidence, shown) : undefined;
  if (mixed !== undefined) return { ...mixed, about: [...mixed.about, ...about] };
  const also: Anomaly[] = extra.length > 0 ? ["resurrected"] : [];
  if (lost.length > 0) return isLost(also);
  if (missing.length > 0)
    return { anomaly: "torn", also, message: `${showValues(missing)} is left out, and seen again later`, about };
  const apart = extra.length === 0 ? falseNeighbours(evidence, shown) : undefined;
  if (apart !== undefined) return apart;
  if (extra.length > 0) return isBack();
  return { anomaly: "wrong-answer", also: [], message: "no state shows these messages", about: [...shown] };
}

/** Gives the failure a name. A best guess where several fit: the verdict does not rest on it. */
export function diagnose(evidence: Evidence): Diagnosis {
  const { action, answer } = evidence.call;
  if (!isRejection(answer) && evidence.rightWithoutIds()) {
    const message = "calls with one operation id have taken effect more than once";
    const about = evidence.calls
      .filter((call) => call.operationId !== undefined)
      .flatMap((call) => valuesOf(call.action));
    return { anomaly: "doubled", also: [], message, about: [...about, ...valuesShown(answer)] };
  }
  if (action.kind === "count" || action.kind === "trim")
    return { anomaly: "wrong-count", also: [], message: `it was told ${showAnswer(answer)}`, about: [] };
  if (isRejection(answer) || answer === undefined)
    return {
      anomaly: "wrong-answer",
      also: [],
      message: isRejection(answer)
        ? "it was rejected though its index was in range"
        : "it was done though its index was out of range",
      about: [...valuesOf(action)],
    };
  return diagnoseMessages(evidence, valuesShown(answer));
}
