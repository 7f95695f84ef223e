import type { Action, Answer, Call } from "./history.js";
import { isReadLike } from "./history.js";

/** A message as far as the recorder cares: its text. */
export interface TextMessage {
  content: string | readonly unknown[];
}

export interface CallOptions {
  operationId?: string | undefined;
}

/** What the recorder and the workload need of a `ChatStore`; `Message` is what the store takes and gives. */
export interface RecordableStore {
  setMessages(key: string, messages: readonly { content: string }[], options?: CallOptions): Promise<unknown>;
  getMessages(key: string): Promise<readonly TextMessage[]>;
  addMessage(
    key: string,
    message: { content: string },
    options?: CallOptions & { index?: number | undefined },
  ): Promise<unknown>;
  addMessages(key: string, messages: readonly { content: string }[], options?: CallOptions): Promise<unknown>;
  deleteMessages(key: string, options?: CallOptions): Promise<unknown>;
  deleteMessage(key: string, index: number, options?: CallOptions): Promise<TextMessage | undefined>;
  deleteLastMessage(key: string, options?: CallOptions): Promise<TextMessage | undefined>;
  replaceMessage(
    key: string,
    index: number,
    message: { content: string },
    options?: CallOptions,
  ): Promise<TextMessage | undefined>;
  trimMessages(key: string, keepLast: number, options?: CallOptions): Promise<number>;
  getPage(
    key: string,
    options: { limit: number; before?: string | undefined },
  ): Promise<{ messages: readonly TextMessage[] }>;
  countMessages(key: string): Promise<number>;
}

/** One line of a log that outlives a killed process: a call when it is made, and once more when it is answered. */
export interface CallEvent {
  id: string;
  call: Call;
}

/** Who calls, by which clock, and where calls are written down. */
export interface RecordOptions {
  /** Who calls: unique among the clients of a history. */
  client: string;
  /**
   * Milliseconds of a clock that all clients of the history share and that never goes back. When absent: Node's monotonic clock,
   * which all processes of one machine share; on other runtimes the performance clock, which processes share only as well as
   * their wall clocks were set when each began.
   */
  clock?: (() => number) | undefined;
  /** Where calls go; a new array when absent. Several clients may share one. */
  calls?: Call[] | undefined;
  /**
   * Told before a call is made and again when it is answered: write it where it survives the process (synchronously: the call
   * goes out when this returns), and read it back with `callsFromEvents`.
   */
  onEvent?: ((event: CallEvent) => void) | undefined;
}

interface NodeLike {
  hrtime?: { bigint?: () => bigint };
  versions?: { node?: string; bun?: string; deno?: string };
}

/** Node's monotonic clock if it is Node's: elsewhere `process.hrtime` counts from the start of the process. */
export function sharedClock(): () => number {
  const { process: node } = globalThis as { process?: NodeLike };
  const bigint = node?.hrtime?.bigint;
  if (bigint !== undefined && node?.versions?.bun === undefined && node?.versions?.deno === undefined)
    return () => Number(bigint()) / 1e6;
  return () => performance.timeOrigin + performance.now();
}

/** The calls of a log, each as it was last told of; the lines of several processes may be mixed. */
export function callsFromEvents(events: Iterable<CallEvent>): Call[] {
  const calls = new Map<string, Call>();
  for (const { id, call } of events) {
    const known = calls.get(id);
    if (known?.end === undefined) calls.set(id, call);
  }
  return [...calls.values()];
}

/** A message's value: its text, that of its text blocks one after the other when it has several. */
export function messageValue(message: TextMessage): string {
  const { content } = message;
  if (typeof content === "string") return content;
  return content.map((block) => textOfBlock(block)).join("");
}

function textOfBlock(block: unknown): string {
  const text = typeof block === "object" && block !== null && "text" in block ? block.text : "";
  return typeof text === "string" ? text : "";
}

function valueOrNull(message: unknown): string | null {
  return message === undefined ? null : messageValue(message as TextMessage);
}

function numberOf(answer: unknown): number {
  return typeof answer === "number" ? answer : -1;
}

/** How a method of the store is recorded. */
interface Recorded {
  action: Action;
  operationId: string | undefined;
  answerOf: (answer: unknown) => Answer | undefined;
}

type Recording = (...args: never[]) => Recorded | undefined;

const nothing = () => undefined;
const text = (message: { content: string }) => messageValue(message);

/** One entry a method; undefined for a call that the checker has no word for, which then goes unrecorded. */
const recordings: { readonly [Method in keyof RecordableStore]: Recording } = {
  setMessages: (_key: string, messages: readonly { content: string }[], options?: CallOptions) => ({
    action: { kind: "replace", values: messages.map(text) },
    operationId: options?.operationId,
    answerOf: nothing,
  }),
  getMessages: () => ({
    action: { kind: "read" },
    operationId: undefined,
    answerOf: (messages) => (messages as readonly TextMessage[]).map(messageValue),
  }),
  addMessage: (_key: string, message: { content: string }, options?: CallOptions & { index?: number | undefined }) => ({
    action:
      options?.index === undefined
        ? { kind: "append", values: [text(message)] }
        : { kind: "insert", index: options.index, value: text(message) },
    operationId: options?.operationId,
    answerOf: nothing,
  }),
  addMessages: (_key: string, messages: readonly { content: string }[], options?: CallOptions) => ({
    action: { kind: "append", values: messages.map(text) },
    operationId: options?.operationId,
    answerOf: nothing,
  }),
  deleteMessages: (_key: string, options?: CallOptions) => ({
    action: { kind: "forget" },
    operationId: options?.operationId,
    answerOf: nothing,
  }),
  deleteMessage: (_key: string, index: number, options?: CallOptions) => ({
    action: { kind: "delete", index },
    operationId: options?.operationId,
    answerOf: valueOrNull,
  }),
  deleteLastMessage: (_key: string, options?: CallOptions) => ({
    action: { kind: "pop" },
    operationId: options?.operationId,
    answerOf: valueOrNull,
  }),
  replaceMessage: (_key: string, index: number, message: { content: string }, options?: CallOptions) => ({
    action: { kind: "edit", index, value: text(message) },
    operationId: options?.operationId,
    answerOf: valueOrNull,
  }),
  trimMessages: (_key: string, keepLast: number, options?: CallOptions) => ({
    action: { kind: "trim", keepLast },
    operationId: options?.operationId,
    answerOf: numberOf,
  }),
  getPage: (_key: string, options: { limit: number; before?: string | undefined; from?: string | undefined }) =>
    options.before === undefined && options.from !== "oldest"
      ? {
          action: { kind: "page", limit: options.limit },
          operationId: undefined,
          answerOf: (page) => (page as { messages: readonly TextMessage[] }).messages.map(messageValue),
        }
      : undefined,
  countMessages: () => ({ action: { kind: "count" }, operationId: undefined, answerOf: numberOf }),
};

/** What a failed call tells: a checked rejection, that it did not happen, or nothing. */
function outcomeOf(error: unknown, action: Action): Pick<Call, "outcome" | "answer"> {
  const { code, outcome } = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    outcome?: unknown;
  };
  const indexed = action.kind === "insert" || action.kind === "delete" || action.kind === "edit";
  if (indexed && code === "INDEX_OUT_OF_RANGE") return { outcome: "ok", answer: { error: code } };
  // A failed read has no effect whatever it says, and unknown reads are left out.
  if (outcome === "not-applied" && !isReadLike(action)) return { outcome: "refused" };
  return { outcome: "unknown" };
}

/** An answer that is none of the contract's becomes one that no history explains: it must not go unnoticed. */
function readable(answer: unknown, answerOf: Recorded["answerOf"], action: Action): Answer | undefined {
  try {
    return answerOf(answer);
  } catch {
    const garbled = "(not an answer of the contract)";
    return action.kind === "read" || action.kind === "page" ? [garbled] : garbled;
  }
}

let recorders = 0;

/**
 * Wraps a store so that what is called on it is written down: same methods, same answers, same errors. Pages of older messages and
 * the listing of keys go through unrecorded. A call that has not been answered stands in `calls` as of unknown outcome.
 */
export function record<Store extends RecordableStore>(
  store: Store,
  options: RecordOptions,
): { store: Store; calls: Call[] } {
  const { client, clock = sharedClock(), calls = [], onEvent } = options;
  const recorder = `${client}/${++recorders}/${clock()}`;
  let made = 0;

  const recorded = async (method: (...args: unknown[]) => unknown, recording: Recording, args: unknown[]) => {
    const told = recording(...(args as never[]));
    if (told === undefined) return method.apply(store, args);
    const { action, answerOf, operationId } = told;
    const call: Call = { client, key: String(args[0]), action, start: 0, outcome: "unknown" };
    if (operationId !== undefined) call.operationId = operationId;
    const id = `${recorder}/${++made}`;
    calls.push(call);
    call.start = clock();
    onEvent?.({ id, call: { ...call } });
    try {
      const answer = await method.apply(store, args);
      call.end = clock();
      call.outcome = "ok";
      const value = readable(answer, answerOf, action);
      if (value !== undefined) call.answer = value;
      return answer;
    } catch (error) {
      call.end = clock();
      Object.assign(call, outcomeOf(error, action));
      throw error;
    } finally {
      onEvent?.({ id, call: { ...call } });
    }
  };

  const wrapped = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const method = value as (...args: unknown[]) => unknown;
      const recording = Object.hasOwn(recordings, name) ? recordings[name as keyof RecordableStore] : undefined;
      // Bound to the store itself: a proxy has no access to its private members.
      if (recording === undefined) return method.bind(target);
      return (...args: unknown[]) => recorded(method, recording, args);
    },
  });
  return { store: wrapped, calls };
}
