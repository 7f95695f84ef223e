import type { RecordableStore } from "@chatkeep/chat-store-conformance";
import { integer, type Random, randomFor } from "./random.js";
import type { LocalFaults } from "./subject.js";

/** What can become of a call on its way to a store in the same process. */
export type LossyFault =
  /** It never arrives. */
  | "request-lost"
  /** It is done, and the caller does not hear of it. */
  | "reply-lost"
  /** The caller is told that it is lost, and then it arrives. */
  | "late"
  /** It arrives twice; the caller gets the second answer. Only with an operation id, or it would be two operations. */
  | "duplicate"
  /** The caller's signal aborts it, before or while it is under way. */
  | "abort";

type Options = { operationId?: string | undefined; signal?: AbortSignal };
type Method = (...args: unknown[]) => Promise<unknown>;

/** Where each method takes its options. */
const optionsAt: Readonly<Record<keyof RecordableStore, number>> = {
  setMessages: 2,
  getMessages: 1,
  addMessage: 2,
  addMessages: 2,
  deleteMessages: 1,
  deleteMessage: 2,
  deleteLastMessage: 1,
  replaceMessage: 3,
  trimMessages: 2,
  getPage: 1,
  countMessages: 1,
};

/** Turns of the event loop that a call, its answer, or a late call takes at most: late ones stay within the window of ids. */
const MAX_TURNS = 3;

/** Some turns of the event loop, so that calls of different clients overlap. */
export async function turns(random: Random, least = 0): Promise<void> {
  for (let left = integer(random, least, MAX_TURNS); left > 0; left--) await new Promise(setImmediate);
}

function lost(): Error {
  return Object.assign(new Error("lost on its way"), { code: "UNAVAILABLE", outcome: "unknown" });
}

/** The store behind a network that fails, within the process. */
export function lossy(
  store: RecordableStore,
  seed: number,
  rates: Readonly<Partial<Record<LossyFault, number>>>,
): { store: RecordableStore; faults: LocalFaults } {
  const random = randomFor(seed);
  const shares = Object.entries(rates) as [LossyFault, number][];
  const counts: Partial<Record<string, number>> = {};
  const faults: LocalFaults = { enabled: false, counts };

  function choose(hasId: boolean): LossyFault | undefined {
    let at = random();
    if (!faults.enabled) return undefined;
    for (const [kind, share] of shares) {
      if (at < share) {
        if (kind === "duplicate" && !hasId) return undefined;
        counts[kind] = (counts[kind] ?? 0) + 1;
        return kind;
      }
      at -= share;
    }
    return undefined;
  }

  async function call(method: Method, args: unknown[], at: number): Promise<unknown> {
    const options = args[at] as Options | undefined;
    await turns(random);
    switch (choose(options?.operationId !== undefined)) {
      case "request-lost":
        throw lost();
      case "reply-lost":
        await method(...args);
        await turns(random);
        throw lost();
      case "late":
        turns(random, 1)
          .then(() => method(...args))
          .catch(() => {});
        throw lost();
      case "duplicate": {
        const first = method(...args).catch(() => {});
        await turns(random);
        await first;
        break;
      }
      case "abort": {
        const controller = new AbortController();
        if (random() < 0.3) controller.abort();
        else for (let ticks = integer(random, 0, 4); ticks > 0; ticks--) await undefined;
        const withSignal = [...args];
        withSignal[at] = { ...options, signal: controller.signal };
        const answer = method(...withSignal);
        answer.catch(() => {});
        for (let ticks = integer(random, 0, 4); ticks > 0; ticks--) await undefined;
        controller.abort();
        return answer;
      }
    }
    const answer = await method(...args);
    await turns(random);
    return answer;
  }

  const wrapped = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const method = value.bind(target) as Method;
      if (!Object.hasOwn(optionsAt, name)) return method;
      const at = optionsAt[name as keyof RecordableStore];
      return (...args: unknown[]) => call(method, args, at);
    },
  });
  return { store: wrapped, faults };
}
