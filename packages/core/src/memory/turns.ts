import { chatStoreError } from "../errors.js";
import { pythonText } from "../messages/helpers.js";
import { isObject } from "../messages/json.js";
import type { ChatMessage, ContentBlock } from "../messages/message.js";
import { type HistoryReader, isSystem } from "./history-reader.js";
import type { JoinedCount } from "./token-meter.js";
import { type Budget, tokensWithPinned } from "./window.js";

/**
 * The newest turns that fit, whole: what every model API accepts. A turn is a user's message and all that follows it up to
 * the next one. System messages right before a turn go with it, as many as fit; those at the end are of the last turn.
 * Calls without results and results without calls are left out.
 *
 * What comes before the first user's message counts as a turn too, but only its system messages are returned: a greeting
 * goes, the instructions stay.
 */
export async function turnsWindow(history: HistoryReader, budget: Budget): Promise<ChatMessage[]> {
  const taken = new Taken(budget);
  /** System messages right before the window, newest first. */
  let systems: ChatMessage[] = [];
  /** Results whose call is not reached yet, newest first. */
  let results: ChatMessage[] = [];
  /** Whether the user's message of the turn that is being read is still to come. */
  let inTurn = true;

  for (let message = await history.next(); message !== undefined; message = await history.next()) {
    if (isSystem(message) && !inTurn) {
      systems.push(message);
      continue;
    }
    if (!systems.every((system) => taken.keep(system))) return taken.window();
    systems = [];
    inTurn = true;
    if (isResult(message)) {
      results.push(message);
      continue;
    }
    taken.take(answered(message, results.reverse()).reverse());
    results = [];
    if (message.role === "user") {
      if (!taken.keep()) return taken.windowUnlessEmpty();
      inTurn = false;
    } else if (taken.isOver) return taken.windowUnlessEmpty();
  }

  if (inTurn && !taken.fits) return taken.windowUnlessEmpty();
  const opening = inTurn ? taken.giveBack() : systems;
  opening.filter(isSystem).every((system) => taken.keep(system));
  return taken.window();
}

/** What was taken from the history, from its newest message on. The window is what was kept of that: what fits. */
class Taken {
  readonly #budget: Budget;
  readonly #newestFirst: ChatMessage[] = [];
  #count: JoinedCount;
  #kept = 0;
  #keptCount: JoinedCount;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#count = budget.meter.join();
    this.#keptCount = this.#count.clone();
  }

  take(newestFirst: readonly ChatMessage[]): void {
    for (const message of newestFirst) {
      this.#newestFirst.push(message);
      this.#count.prepend(pythonText(message));
    }
  }

  get fits(): boolean {
    return tokensWithPinned(this.#count, this.#budget) <= this.#budget.tokens;
  }

  /** Whether it can't fit whatever is taken besides. */
  get isOver(): boolean {
    return this.#count.floor > this.#budget.tokens;
  }

  /** Keeps all that was taken, and `older`, if it fits. */
  keep(older?: ChatMessage): boolean {
    if (older !== undefined) this.take([older]);
    if (!this.fits) return false;
    this.#kept = this.#newestFirst.length;
    this.#keptCount = this.#count.clone();
    return true;
  }

  /** Takes back and answers what was not kept, newest first. */
  giveBack(): ChatMessage[] {
    this.#count = this.#keptCount.clone();
    return this.#newestFirst.splice(this.#kept);
  }

  window(): ChatMessage[] {
    return this.#newestFirst.slice(0, this.#kept).reverse();
  }

  /** For when a turn does not fit: the newer ones that do. */
  windowUnlessEmpty(): ChatMessage[] {
    if (this.#kept > 0) return this.window();
    const problem = `The last turn alone has more than the ${this.#budget.tokens} tokens that are left for it.`;
    throw chatStoreError("MESSAGE_TOO_LARGE", `${problem} Raise tokenLimit, or shorten its messages.`);
  }
}

function isResult({ role }: ChatMessage): boolean {
  return role === "tool" || role === "function";
}

function makesCalls({ role }: ChatMessage): boolean {
  return role === "assistant" || role === "chatbot" || role === "model";
}

/**
 * A message and the results right behind it, without the calls that have no result and the results that have no call.
 * Nothing is left of a message that only made such calls.
 */
function answered(message: ChatMessage, results: readonly ChatMessage[]): ChatMessage[] {
  if (!makesCalls(message)) return [message];
  const matches = new Matches(results);
  const repaired = withAnsweredCalls(message, matches);
  return repaired === undefined ? [] : [repaired, ...matches.results()];
}

/** The message without its unanswered calls; undefined when it says nothing then. */
function withAnsweredCalls(message: ChatMessage, matches: Matches): ChatMessage | undefined {
  const { additionalKwargs, ...rest } = message;
  const { tool_calls: calls, function_call: call, ...kwargs } = additionalKwargs ?? {};
  const content = Array.isArray(message.content)
    ? message.content.filter((block) => block.type !== "tool_call" || matches.add(block.toolCallId))
    : message.content;
  const answeredCalls = Array.isArray(calls) ? calls.filter((each) => isObject(each) && matches.add(each.id)) : [];
  const callAnswered = isObject(call) && matches.add(undefined);

  const allAnswered =
    content.length === message.content.length &&
    (!Array.isArray(calls) || answeredCalls.length === calls.length) &&
    (callAnswered || call === undefined || call === null);
  if (allAnswered) return message;
  if (matches.results().length === 0 && saysNothing(content)) return undefined;
  if (answeredCalls.length > 0) kwargs.tool_calls = answeredCalls;
  if (callAnswered) kwargs.function_call = call;
  return { ...rest, content, ...(Object.keys(kwargs).length > 0 ? { additionalKwargs: kwargs } : {}) };
}

function saysNothing(content: string | ContentBlock[]): boolean {
  if (typeof content === "string") return content === "";
  return content.every(
    (block) => block.type === "thinking" || block.type === "cache" || (block.type === "text" && block.text === ""),
  );
}

/** Matches the calls of a message with the results that follow it: by id, and in order where there is none. */
class Matches {
  readonly #results: readonly ChatMessage[];
  readonly #matched = new Set<ChatMessage>();
  /** A call that stands both in a block and in `additionalKwargs` is one call. */
  readonly #ids = new Set<string>();

  constructor(results: readonly ChatMessage[]) {
    this.#results = results;
  }

  /** Whether the call has a result. */
  add(callId: unknown): boolean {
    const id = idOrUndefined(callId);
    if (id !== undefined && this.#ids.has(id)) return true;
    const result = this.#results.find(
      (each) => !this.#matched.has(each) && idOrUndefined(each.additionalKwargs?.tool_call_id) === id,
    );
    if (result === undefined) return false;
    this.#matched.add(result);
    if (id !== undefined) this.#ids.add(id);
    return true;
  }

  /** Those that have a call. */
  results(): ChatMessage[] {
    return this.#results.filter((result) => this.#matched.has(result));
  }
}

function idOrUndefined(id: unknown): string | undefined {
  return typeof id === "string" && id !== "" ? id : undefined;
}
