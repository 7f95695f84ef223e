import { type Answer, type Call, type History, isReadLike, isRejection } from "../../src/checker/history.js";

/**
 * Linearizability by trying everything: slow, plain, and written apart from the checker that is compared with it. Works call by
 * call: of several with one operation id the first to take effect is applied and remembered. A rejection may be remembered as
 * well, or not: stores do as they like.
 */
interface World {
  list: readonly string[];
  done: ReadonlyMap<string, { action: string; answer: Answer | undefined }>;
  /** Ids and actions. */
  rejected: ReadonlySet<string>;
}

function applied(list: readonly string[], call: Call): { list: readonly string[]; answer: Answer | undefined } {
  const { action } = call;
  const copy = [...list];
  const isIndex = (index: number, most: number) => Number.isInteger(index) && index >= 0 && index <= most;
  const outOfRange = { list, answer: { error: "INDEX_OUT_OF_RANGE" } } as const;
  switch (action.kind) {
    case "append":
      return { list: [...list, ...action.values], answer: undefined };
    case "replace":
      return { list: [...action.values], answer: undefined };
    case "forget":
      return { list: [], answer: undefined };
    case "insert":
      if (!isIndex(action.index, list.length)) return outOfRange;
      copy.splice(action.index, 0, action.value);
      return { list: copy, answer: undefined };
    case "pop": {
      const answer = copy.pop() ?? null;
      return { list: copy, answer };
    }
    case "delete": {
      if (!isIndex(action.index, Number.MAX_SAFE_INTEGER)) return outOfRange;
      const [answer = null] = copy.splice(action.index, 1);
      return { list: copy, answer };
    }
    case "edit": {
      if (!isIndex(action.index, Number.MAX_SAFE_INTEGER)) return outOfRange;
      const answer = copy[action.index] ?? null;
      if (answer !== null) copy[action.index] = action.value;
      return { list: copy, answer };
    }
    case "trim": {
      const gone = Math.max(0, list.length - action.keepLast);
      return { list: list.slice(gone), answer: gone };
    }
    case "read":
      return { list, answer: list };
    case "page":
      return { list, answer: action.limit === 0 ? [] : list.slice(-action.limit) };
    case "count":
      return { list, answer: list.length };
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The world after the call; undefined when it cannot have been answered as it was. */
function after(world: World, call: Call): World | undefined {
  const id = isReadLike(call.action) ? undefined : call.operationId;
  const action = JSON.stringify(call.action);
  const known = id === undefined ? undefined : world.done.get(id);
  if (known !== undefined) {
    if (call.outcome !== "ok") return world;
    return known.action === action && same(known.answer, call.answer) ? world : undefined;
  }
  const name = `${id} ${action}`;
  if (id !== undefined && isRejection(call.answer) && world.rejected.has(name)) return world;
  const { answer, list } = applied(world.list, call);
  if (call.outcome === "ok" && !same(answer, call.answer)) return undefined;
  if (id === undefined) return { ...world, list };
  return isRejection(answer)
    ? { ...world, rejected: new Set(world.rejected).add(name) }
    : { ...world, list, done: new Map(world.done).set(id, { action, answer }) };
}

function possible(world: World, left: readonly Call[], expires: boolean): boolean {
  if (left.every((call) => call.outcome !== "ok")) return true;
  if (expires && world.list.length > 0 && possible({ ...world, list: [] }, left, expires)) return true;
  return left.some((call) => {
    const first = left.every((other) => other.outcome !== "ok" || other.end === undefined || other.end >= call.start);
    const next = first ? after(world, call) : undefined;
    if (next === undefined) return false;
    // Of what nobody was told another copy may still be on its way.
    const again = call.outcome === "unknown" && next.rejected.size > world.rejected.size;
    return possible(next, again ? left : left.filter((other) => other !== call), expires);
  });
}

export function naivelyLinearizable(history: History, initial: readonly string[] = [], expires = false): boolean {
  const calls = history.filter((call) => call.outcome !== "refused");
  return possible({ list: initial, done: new Map(), rejected: new Set() }, calls, expires);
}
