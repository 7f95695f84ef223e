import { type Action, type Answer, type Call, isReadLike, isRejection } from "./history.js";

/** What takes effect at one moment: a call, or all calls that bear one operation id. */
export interface Operation {
  calls: Call[];
  action: Action;
  start: number;
  /** The latest moment at which it can have taken effect: Infinity when it may also never have. */
  end: number;
  /** Some call was answered ok, so that it did take effect, and `answer` is what it said. */
  answered: boolean;
  answer: Answer | undefined;
  /** Operations that can only have come before this one. */
  after: Operation[];
  /** Operations that did not happen if this one did (one id used for several different actions). */
  excludes: Operation[];
}

/** Two calls with one operation id were both answered ok, but not as one operation. */
export interface IdConflict {
  first: Call;
  second: Call;
  what: "answers" | "actions";
}

/** Equal for equal actions, whatever the order of their members. */
function actionKey(action: Action): string {
  switch (action.kind) {
    case "append":
    case "replace":
      return JSON.stringify([action.kind, action.values]);
    case "insert":
    case "edit":
      return JSON.stringify([action.kind, action.index, action.value]);
    case "delete":
      return JSON.stringify([action.kind, action.index]);
    case "trim":
      return JSON.stringify([action.kind, action.keepLast]);
    case "page":
      return JSON.stringify([action.kind, action.limit]);
    default:
      return action.kind;
  }
}

function tryName(id: string, action: Action): string {
  return JSON.stringify([id, actionKey(action)]);
}

function operationOf(calls: Call[]): Operation {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.POSITIVE_INFINITY;
  let answered: Call | undefined;
  for (const call of calls) {
    start = Math.min(start, call.start);
    if (call.outcome !== "ok") continue;
    // Whoever answers first, the effect was there by then; and before that any of the calls may have made it. So one interval
    // says it all: from the earliest start to the earliest answer.
    end = Math.min(end, call.end ?? end);
    answered ??= call;
  }
  const action = (answered ?? (calls[0] as Call)).action;
  return {
    calls,
    action,
    start,
    end,
    answered: answered !== undefined,
    answer: answered?.answer,
    after: [],
    excludes: [],
  };
}

/** One key's calls as operations, by start. Refused calls and unanswered reads say nothing and are left out. */
export function operationsOf(calls: readonly Call[]): { operations: Operation[]; conflicts: IdConflict[] } {
  const operations: Operation[] = [];
  const conflicts: IdConflict[] = [];
  const groups = new Map<string, Call[]>();
  const rejections = new Map<string, Operation[]>();
  /** The earliest call that may have been rejected, by its id and action. */
  const tried = new Map<string, number>();
  for (const call of calls) {
    if (call.outcome === "refused") continue;
    const readLike = isReadLike(call.action);
    if (readLike && call.outcome === "unknown") continue;
    const id = readLike ? undefined : call.operationId;
    if (id !== undefined && (call.outcome === "unknown" || isRejection(call.answer))) {
      const name = tryName(id, call.action);
      tried.set(name, Math.min(call.start, tried.get(name) ?? call.start));
    }
    if (id !== undefined && !isRejection(call.answer)) {
      const group = groups.get(id);
      if (group === undefined) groups.set(id, [call]);
      else group.push(call);
      continue;
    }
    const operation = operationOf([call]);
    operations.push(operation);
    // When it is told, the operation of this id has not been applied.
    if (id !== undefined) rejections.set(id, [...(rejections.get(id) ?? []), operation]);
  }

  for (const [id, group] of groups) {
    const actions = new Map<string, Call[]>();
    for (const call of group) {
      const key = actionKey(call.action);
      actions.set(key, [...(actions.get(key) ?? []), call]);
    }
    const first = group.find((call) => call.outcome === "ok");
    const made: Operation[] = [];
    if (first !== undefined) {
      const own = actionKey(first.action);
      for (const call of group) {
        if (call === first || call.outcome !== "ok") continue;
        if (actionKey(call.action) !== own) conflicts.push({ first, second: call, what: "actions" });
        else if (JSON.stringify(call.answer) !== JSON.stringify(first.answer))
          conflicts.push({ first, second: call, what: "answers" });
      }
      // Under this id another action was acknowledged, so that a different one never took effect.
      made.push(operationOf(actions.get(own) ?? [first]));
    } else {
      for (const same of actions.values()) made.push(operationOf(same));
      for (const one of made) one.excludes = made.filter((other) => other !== one);
    }
    const rejected = rejections.get(id) ?? [];
    const told = Math.max(...rejected.map(({ start }) => start));
    for (const one of made) {
      one.after = rejected;
      one.start = Math.max(one.start, told);
    }
    operations.push(...made);
  }
  // A rejection is a statement about one moment, of this call or of an earlier one: stores may remember it and say it again.
  for (const [id, rejected] of rejections) {
    for (const one of rejected) one.start = Math.min(one.start, tried.get(tryName(id, one.action)) ?? one.start);
  }
  operations.sort((a, b) => a.start - b.start);
  return { operations, conflicts };
}
