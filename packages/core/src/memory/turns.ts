import { chatStoreError } from "../errors.js";
import { pythonText } from "../messages/helpers.js";
import { isObject } from "../messages/json.js";
import type { ChatMessage } from "../messages/message.js";
import { type HistoryReader, isSystem } from "./history-reader.js";
import { type Budget, tokensWithPinned } from "./window.js";

/**
 * The newest turns that fit, whole: what every model API accepts. A turn is a user's message and all that follows it up to
 * the next; system messages right before a turn go with it. Within a turn, calls without results and results without
 * calls are left out.
 */
export async function turnsWindow(history: HistoryReader, budget: Budget): Promise<ChatMessage[]> {
  let window: ChatMessage[] = [];
  /** System messages before the window, newest first. */
  let systems: ChatMessage[] = [];
  /** A turn whose user message is not reached yet, newest first. */
  let turn: ChatMessage[] = [];

  let count = budget.meter.join();

  const longer = (messages: readonly ChatMessage[]) => {
    const longerCount = count.clone();
    for (const message of messages.toReversed()) longerCount.prepend(pythonText(message));
    return longerCount;
  };
  /** Puts messages in front of the window, if they fit. */
  const add = (messages: readonly ChatMessage[]) => {
    const longerCount = longer(messages);
    if (tokensWithPinned(longerCount, budget) > budget.tokens) return false;
    count = longerCount;
    window = [...messages, ...window];
    return true;
  };
  const addSystems = () => {
    const all = systems.every((message) => add([message]));
    systems = [];
    return all;
  };
  const windowUnlessEmpty = () => (window.length > 0 ? window : tooLong(budget));

  for (let read = 1; ; read++) {
    const message = await history.next();
    if (message === undefined) break;
    if (isSystem(message) && turn.length === 0) {
      systems.push(message);
      continue;
    }
    if (!addSystems()) return window;
    turn.push(message);
    if (message.role === "user") {
      if (!add(repairTurn(turn.toReversed()))) return windowUnlessEmpty();
      turn = [];
    } else if (Number.isInteger(Math.log2(read))) {
      // A turn may be over the limit long before its user message is reached. Looked at now and then only, since a look
      // costs as much as the turn is long.
      if (longer(repairTurn(turn.toReversed())).floor > budget.tokens) return windowUnlessEmpty();
    }
  }
  // What the conversation begins with before any user spoke: a greeting goes, the instructions stay.
  if (budget.pinned.length === 0) {
    systems.unshift(...turn.filter(isSystem));
    addSystems();
  }
  return window;
}

function tooLong({ tokens }: Budget): never {
  const problem = `The last turn alone has more than the ${tokens} tokens that are left for it.`;
  throw chatStoreError("MESSAGE_TOO_LARGE", `${problem} Raise tokenLimit, or shorten its messages.`);
}

/** Leaves out calls that have no result right behind them, and results that don't stand right behind their call. */
export function repairTurn(messages: readonly ChatMessage[]): ChatMessage[] {
  const repaired: ChatMessage[] = [];
  for (let i = 0; i < messages.length; ) {
    const message = messages[i++];
    if (message === undefined || isResult(message)) continue;
    const results: ChatMessage[] = [];
    for (let next = messages[i]; next !== undefined && isResult(next); next = messages[++i]) results.push(next);
    const answered = new AnsweredCalls(results);
    const whole = answered.keepIn(message);
    if (whole !== undefined) repaired.push(whole, ...answered.matched());
  }
  return repaired;
}

function isResult({ role }: ChatMessage): boolean {
  return role === "tool" || role === "function";
}

/** Matches the calls of a message with the results that follow it: by id, and in order where there is none. */
class AnsweredCalls {
  readonly #results: readonly ChatMessage[];
  readonly #matched = new Set<ChatMessage>();
  /** A call that stands both in a block and in `additionalKwargs` is one call. */
  readonly #ids = new Set<string>();

  constructor(results: readonly ChatMessage[]) {
    this.#results = results;
  }

  /** The message without its unanswered calls; undefined when it says nothing then. */
  keepIn(message: ChatMessage): ChatMessage | undefined {
    const { content, additionalKwargs = {} } = message;
    const { tool_calls: calls, function_call: functionCall, ...kwargs } = additionalKwargs;
    const blocks = Array.isArray(content)
      ? content.filter((block) => block.type !== "tool_call" || this.#match(block.toolCallId))
      : content;
    const keptCalls = Array.isArray(calls)
      ? calls.filter((call) => this.#match(isObject(call) && typeof call.id === "string" ? call.id : undefined))
      : [];
    const keptFunction = isObject(functionCall) && this.#match(undefined);
    const dropped =
      blocks.length < content.length ||
      (Array.isArray(calls) && keptCalls.length < calls.length) ||
      (functionCall !== undefined && functionCall !== null && !keptFunction);
    if (!dropped) return message;

    const saysNothing = Array.isArray(blocks) ? blocks.every((block) => block.type === "thinking") : blocks === "";
    if (this.#matched.size === 0 && saysNothing) return undefined;
    if (keptCalls.length > 0) kwargs.tool_calls = keptCalls;
    if (keptFunction) kwargs.function_call = functionCall;
    const { additionalKwargs: _, ...rest } = message;
    return { ...rest, content: blocks, ...(Object.keys(kwargs).length > 0 ? { additionalKwargs: kwargs } : {}) };
  }

  matched(): ChatMessage[] {
    return this.#results.filter((result) => this.#matched.has(result));
  }

  #match(id: string | undefined): boolean {
    if (id !== undefined && this.#ids.has(id)) return true;
    const result = this.#results.find((candidate) => !this.#matched.has(candidate) && idOf(candidate) === id);
    if (result === undefined) return false;
    this.#matched.add(result);
    if (id !== undefined) this.#ids.add(id);
    return true;
  }
}

function idOf({ additionalKwargs }: ChatMessage): string | undefined {
  const id = additionalKwargs?.tool_call_id;
  return typeof id === "string" && id !== "" ? id : undefined;
}
