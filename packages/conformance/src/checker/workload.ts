import type { Action, ActionKind } from "./history.js";
import { randomInteger, seededRandom } from "./random.js";
import type { CallOptions, RecordableStore } from "./recorder.js";

/** Which calls are made: the same seed makes the same ones. */
export interface WorkloadOptions {
  seed: number;
  keys: readonly string[];
  /** Calls in all, retries not counted. */
  operations: number;
  /** Calls open at once, spread over the clients; as many as there are clients when absent. */
  concurrency?: number | undefined;
  /** How often each action is chosen in relation to the others; actions that are not named are not done. */
  weights?: Partial<Record<ActionKind, number>> | undefined;
  /** Messages in the largest batch or replacement; 4 when absent. */
  maxBatch?: number | undefined;
  /** The largest index, page and number to keep that are tried; 8 when absent. Some will be out of range. */
  maxIndex?: number | undefined;
  /**
   * How often a write of unknown outcome is repeated with its operation id, by the next client; 0 when absent. Operation ids are
   * given only where there are retries: otherwise the store makes its own.
   */
  retries?: number | undefined;
  /** What makes values and operation ids differ from those of other processes; the seed when absent. */
  tag?: string | undefined;
  /** Makes the text of a message from its unique name, and must keep it unique; the name itself when absent. */
  text?: ((name: string, random: () => number) => string) | undefined;
}

export interface PlannedCall {
  key: string;
  action: Action;
  operationId: string;
}

/** Mostly appends, everything else now and then. */
export const DEFAULT_WEIGHTS: Readonly<Record<ActionKind, number>> = {
  append: 8,
  insert: 2,
  pop: 3,
  delete: 2,
  edit: 2,
  replace: 1,
  forget: 0.5,
  trim: 0.5,
  read: 6,
  page: 3,
  count: 2,
};

/** For `checkAppendOnly`. */
export const APPEND_ONLY_WEIGHTS: Readonly<Partial<Record<ActionKind, number>>> = {
  append: 8,
  read: 1,
  page: 2,
  count: 1,
};

/** The calls of a workload, by worker: each makes its own one after the other. The same for the same options. */
export function planWorkload(options: WorkloadOptions & { concurrency: number }): PlannedCall[][] {
  const { concurrency, keys, maxBatch = 4, maxIndex = 8, operations, seed, text = (name: string) => name } = options;
  if (keys.length === 0) throw new RangeError("a workload needs a key");
  const weights = Object.entries(options.weights ?? DEFAULT_WEIGHTS) as [ActionKind, number][];
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  const tag = options.tag ?? String(seed);
  const random = seededRandom(seed);
  let made = 0;
  const value = () => text(`${tag}.${++made}`, random);
  const values = (least: number) =>
    Array.from({ length: randomInteger(random, least, Math.max(least, maxBatch)) }, () => value());
  const index = () => randomInteger(random, 0, maxIndex);

  const choose = (): Action => {
    const at = random() * total;
    let sum = 0;
    const kind = weights.find(([, weight]) => {
      sum += weight;
      return at < sum;
    })?.[0];
    switch (kind) {
      case "append":
        return { kind, values: random() < 0.6 ? [value()] : values(1) };
      case "replace":
        return { kind, values: values(0) };
      case "insert":
      case "edit":
        return { kind, index: index(), value: value() };
      case "delete":
        return { kind, index: index() };
      case "trim":
        return { kind, keepLast: index() };
      case "page":
        return { kind, limit: randomInteger(random, 1, Math.max(1, maxIndex)) };
      case undefined:
        return { kind: "read" };
      default:
        return { kind };
    }
  };
  const plan: PlannedCall[][] = Array.from({ length: concurrency }, () => []);
  for (let call = 0; call < operations; call++) {
    const key = keys[randomInteger(random, 0, keys.length - 1)] ?? "";
    plan[call % concurrency]?.push({ key, action: choose(), operationId: `${tag}-op-${call}` });
  }
  return plan;
}

/** Makes one call. */
function perform(store: RecordableStore, key: string, action: Action, options?: CallOptions): Promise<unknown> {
  const message = (content: string) => ({ content });
  switch (action.kind) {
    case "append": {
      const [only, ...others] = action.values;
      return only !== undefined && others.length === 0
        ? store.addMessage(key, message(only), options)
        : store.addMessages(key, action.values.map(message), options);
    }
    case "insert":
      return store.addMessage(key, message(action.value), { ...options, index: action.index });
    case "pop":
      return store.deleteLastMessage(key, options);
    case "delete":
      return store.deleteMessage(key, action.index, options);
    case "edit":
      return store.replaceMessage(key, action.index, message(action.value), options);
    case "replace":
      return store.setMessages(key, action.values.map(message), options);
    case "forget":
      return store.deleteMessages(key, options);
    case "trim":
      return store.trimMessages(key, action.keepLast, options);
    case "read":
      return store.getMessages(key);
    case "page":
      return store.getPage(key, { limit: action.limit });
    case "count":
      return store.countMessages(key);
  }
}

function outcomeIsUnknown(error: unknown): boolean {
  return typeof error === "object" && error !== null && (error as { outcome?: unknown }).outcome === "unknown";
}

/**
 * Runs a random workload on recorded stores, each a client; what came of it is in their records, failed calls included. Which calls
 * are made follows from the seed alone; how they overlap does not. End with a `read` of each key when other processes are done, too.
 */
export async function runWorkload(clients: readonly RecordableStore[], options: WorkloadOptions): Promise<void> {
  const { concurrency = clients.length, retries = 0 } = options;
  if (clients.length === 0) throw new RangeError("a workload needs a client");
  const plan = planWorkload({ ...options, concurrency });
  const work = async (calls: readonly PlannedCall[], worker: number) => {
    for (const { action, key, operationId } of calls) {
      for (let attempt = 0; attempt <= retries; attempt++) {
        const client = clients[(worker + attempt) % clients.length];
        try {
          if (client !== undefined) await perform(client, key, action, retries > 0 ? { operationId } : undefined);
          break;
        } catch (error) {
          if (!outcomeIsUnknown(error)) break;
        }
      }
    }
  };
  await Promise.all(plan.map(work));
}
