import type { Call } from "@chatkeep/chat-store-conformance";

/** Pages that a client read one after another, from the newest back, while others wrote. */
export interface Walk {
  client: string;
  key: string;
  start: number;
  /** Pages as they were answered: the newest first, each oldest first. */
  pages: (readonly string[])[];
  /** The oldest message was reached, the place was gone, or a page could not be had. */
  ended: "start" | "conflict" | "failed";
}

/**
 * What is wrong with walks, given what else was answered. `finalRead` is what each conversation holds in the end; a message that
 * was acknowledged before a walk and is there in the end was there all the while.
 */
export function checkWalks(
  walks: readonly Walk[],
  calls: readonly Call[],
  finalRead: ReadonlyMap<string, readonly string[]>,
  removals: boolean,
): string[] {
  const wrong: string[] = [];
  for (const walk of walks) {
    const { key, client, pages, ended, start } = walk;
    const seen = joined(walk);
    const what = `${client} walked through ${JSON.stringify(pages)} of ${key}`;
    const own = calls.filter((call) => call.key === key);
    if (new Set(seen).size < seen.length) wrong.push(`doubled in pages: ${what}`);
    for (const value of seen) {
      const by = own.filter(({ action }) => writes(action, value));
      if (by.length === 0) wrong.push(`foreign value in pages: ${value}; ${what}`);
    }
    for (const call of own) {
      if (isWrittenTwice(String(call.answer), own)) continue;
      const gone = ["pop", "delete", "edit"].includes(call.action.kind) && typeof call.answer === "string";
      if (gone && (call.end ?? start) < start && seen.includes(String(call.answer))) {
        wrong.push(`resurrected in pages: ${String(call.answer)}; ${what}`);
      }
    }
    if (ended === "conflict" && !removals) wrong.push(`needless conflict: ${what}`);
    if (ended !== "start") continue;
    for (const value of finalRead.get(key) ?? []) {
      const before = own.some(
        (call) =>
          call.outcome === "ok" && !isRejection(call) && (call.end ?? start) < start && writes(call.action, value),
      );
      if (before && !seen.includes(value)) wrong.push(`lost in pages: ${value}; ${what}`);
    }
  }
  for (const key of new Set(walks.map((walk) => walk.key))) {
    const orders = [
      ...walks.filter((walk) => walk.key === key).map(joined),
      ...calls.flatMap((call) => (call.key === key && Array.isArray(call.answer) ? [call.answer as string[]] : [])),
    ];
    const own = calls.filter((call) => call.key === key);
    const once = orders.map((order) => order.filter((value) => !isWrittenTwice(value, own)));
    if (hasCycle(once)) wrong.push(`reordered in pages: ${JSON.stringify(orders)}`);
  }
  return wrong;
}

function joined({ pages }: Walk): string[] {
  return pages.toReversed().flat();
}

/** By two operations, so that it may be gone and there, and in any order. */
function isWrittenTwice(value: string, calls: readonly Call[]): boolean {
  const writers = calls.filter(({ action }) => writes(action, value));
  return new Set(writers.map(({ operationId }) => operationId)).size > 1;
}

function writes(action: Call["action"], value: string): boolean {
  return ("values" in action && action.values.includes(value)) || ("value" in action && action.value === value);
}

/** Whether sequences contradict each other. Messages never change places, so all that were ever seen have one order. */
function hasCycle(orders: readonly (readonly string[])[]): boolean {
  const behind = new Map<string, Set<string>>();
  for (const order of orders) {
    order.forEach((value, i) => {
      const next = behind.get(value) ?? new Set();
      behind.set(value, next);
      const follower = order[i + 1];
      if (follower !== undefined) next.add(follower);
    });
  }
  const done = new Set<string>();
  const onPath = new Set<string>();
  const visit = (value: string): boolean => {
    if (onPath.has(value)) return true;
    if (done.has(value)) return false;
    onPath.add(value);
    for (const next of behind.get(value) ?? []) if (visit(next)) return true;
    onPath.delete(value);
    done.add(value);
    return false;
  };
  return [...behind.keys()].some(visit);
}

function isRejection({ answer }: Call): boolean {
  return typeof answer === "object" && answer !== null && "error" in answer;
}
