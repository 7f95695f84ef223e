import type { Action, Answer, Call, History } from "../../src/checker/history.js";

export const append = (...values: string[]): Action => ({ kind: "append", values });
export const insert = (index: number, value: string): Action => ({ kind: "insert", index, value });
export const pop: Action = { kind: "pop" };
export const remove = (index: number): Action => ({ kind: "delete", index });
export const edit = (index: number, value: string): Action => ({ kind: "edit", index, value });
export const replace = (...values: string[]): Action => ({ kind: "replace", values });
export const forget: Action = { kind: "forget" };
export const trim = (keepLast: number): Action => ({ kind: "trim", keepLast });
export const read: Action = { kind: "read" };
export const page = (limit: number): Action => ({ kind: "page", limit });
export const count: Action = { kind: "count" };
export const outOfRange: Answer = { error: "INDEX_OUT_OF_RANGE" };

type Extra = Partial<Pick<Call, "operationId" | "key" | "outcome">>;

/** An answered call. */
export function ok(
  client: string,
  start: number,
  end: number,
  action: Action,
  answer?: Answer,
  extra: Extra = {},
): Call {
  return { client, key: "k", action, start, end, outcome: "ok", ...(answer === undefined ? {} : { answer }), ...extra };
}

/** A call without an answer, or with one that says nothing. */
export function unknown(
  client: string,
  start: number,
  end: number | undefined,
  action: Action,
  extra: Extra = {},
): Call {
  return { client, key: "k", action, start, ...(end === undefined ? {} : { end }), outcome: "unknown", ...extra };
}

export function refused(client: string, start: number, end: number, action: Action, extra: Extra = {}): Call {
  return { client, key: "k", action, start, end, outcome: "refused", ...extra };
}

type Told = readonly [action: Action, answer?: Answer | undefined, extra?: Extra];

/** One client's answered calls, one after the other; each may be a call with its own times instead. */
export function inTurn(...calls: readonly (Told | Call)[]): History {
  return calls.map((told, at) => {
    if ("client" in told) return told;
    const [action, answer, extra] = told;
    return ok("a", 10 * at, 10 * at + 5, action, answer, extra);
  });
}
