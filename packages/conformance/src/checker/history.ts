/**
 * What clients did to a chat store and what they were told: plain data that survives JSON, so that every process of a run
 * can write its own part and one of them can merge and judge the whole.
 */

/** A call on one conversation. A message is named by its text, its value: make the values of a run unique. */
export type Action =
  /** `addMessage` without index (one value) or `addMessages`. */
  | { kind: "append"; values: readonly string[] }
  /** `addMessage` with an index. */
  | { kind: "insert"; index: number; value: string }
  /** `deleteLastMessage` */
  | { kind: "pop" }
  /** `deleteMessage` */
  | { kind: "delete"; index: number }
  /** `replaceMessage` */
  | { kind: "edit"; index: number; value: string }
  /** `setMessages` */
  | { kind: "replace"; values: readonly string[] }
  /** `deleteMessages` */
  | { kind: "forget" }
  /** `trimMessages` */
  | { kind: "trim"; keepLast: number }
  /** `getMessages` */
  | { kind: "read" }
  /** `getPage` without `before`: the newest page. */
  | { kind: "page"; limit: number }
  /** `countMessages` */
  | { kind: "count" };

/** The name of an action. */
export type ActionKind = Action["kind"];

/**
 * What a call was told: the values, oldest first (read, page); the message that was there, or null (pop, delete, edit); a
 * number (count, trim); a rejection that says something about the state and is checked like any answer. Absent for the others.
 */
export type Answer = readonly string[] | string | number | null | { readonly error: "INDEX_OUT_OF_RANGE" };

/** One call of one client, and what it was told. */
export interface Call {
  client: string;
  key: string;
  action: Action;
  /** When the call was made, in milliseconds of any clock that all clients of the history share. */
  start: number;
  /** When it was answered; absent when it never was (the client crashed, the run ended). */
  end?: number | undefined;
  /**
   * ok: answered, also by a checked rejection. refused: failed, known not to have happened. unknown: failed or unanswered; a
   * write may have happened, at any time after `start` (also after `end`), or never.
   */
  outcome: "ok" | "refused" | "unknown";
  answer?: Answer | undefined;
  /**
   * Calls with the same id on one key are one operation, applied at most once, whichever client makes them. A rejection of
   * one may be remembered, and be the answer of a later one too.
   */
  operationId?: string | undefined;
}

/** All calls of a run, in any order. */
export type History = readonly Call[];

/** What conversations hold, by key. */
export type Initial = Readonly<Record<string, readonly string[]>>;

/** A key may be `__proto__` or `constructor`, too. */
export function initialOf(initial: Initial | undefined, key: string): readonly string[] {
  return initial !== undefined && Object.hasOwn(initial, key) ? (initial[key] ?? []) : [];
}

export function isReadLike(action: Action): boolean {
  return action.kind === "read" || action.kind === "page" || action.kind === "count";
}

/** The values that an action writes. */
export function valuesOf(action: Action): readonly string[] {
  switch (action.kind) {
    case "append":
    case "replace":
      return action.values;
    case "insert":
    case "edit":
      return [action.value];
    default:
      return [];
  }
}

export function isRejection(answer: Answer | undefined): answer is { readonly error: "INDEX_OUT_OF_RANGE" } {
  return typeof answer === "object" && answer !== null && "error" in answer;
}

/** The values that an answer shows. */
export function valuesShown(answer: Answer | undefined): readonly string[] {
  if (typeof answer === "string") return [answer];
  return Array.isArray(answer) ? (answer as readonly string[]) : [];
}

function answerFits(action: Action, answer: Answer | undefined): boolean {
  switch (action.kind) {
    case "read":
    case "page":
      return Array.isArray(answer) && answer.every((value) => typeof value === "string");
    case "count":
    case "trim":
      return typeof answer === "number";
    case "pop":
      return typeof answer === "string" || answer === null;
    case "delete":
    case "edit":
      return typeof answer === "string" || answer === null || isRejection(answer);
    case "insert":
      return answer === undefined || isRejection(answer);
    default:
      return answer === undefined;
  }
}

/**
 * The history by key, each key's calls by start. Throws a TypeError naming the call when one is not well formed: a checker that
 * skipped it would pass what it has not looked at.
 */
export function byKey(history: History): Map<string, Call[]> {
  const keys = new Map<string, Call[]>();
  history.forEach((call, index) => {
    const wrong = (what: string) => new TypeError(`call ${index} of the history (${call.action.kind}): ${what}`);
    if (!Number.isFinite(call.start)) throw wrong("start is not a finite number");
    if (call.end !== undefined && !(call.end >= call.start)) throw wrong("it ended before it started");
    if (call.outcome === "ok") {
      if (call.end === undefined) throw wrong("ok without an end");
      if (!answerFits(call.action, call.answer)) throw wrong("ok with an answer that this action does not give");
    } else if (call.answer !== undefined) throw wrong("an answer, but not ok");
    const calls = keys.get(call.key);
    if (calls === undefined) keys.set(call.key, [call]);
    else calls.push(call);
  });
  for (const calls of keys.values()) calls.sort((a, b) => a.start - b.start);
  return keys;
}
