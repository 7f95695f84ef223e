import { chatStoreError } from "../errors.js";
import { pythonText } from "../messages/helpers.js";
import type { ChatMessage } from "../messages/message.js";
import type { HistoryReader } from "./history-reader.js";
import type { JoinedCount, TokenMeter } from "./token-meter.js";

/** What a window may hold. */
export interface Budget {
  meter: TokenMeter;
  /** In tokens, what is sent besides the window already taken off. */
  tokens: number;
  /** Messages that stand before the window and count with it. */
  pinned: readonly ChatMessage[];
}

/** The tokens of a window behind the pinned messages. */
export function tokensWithPinned(window: JoinedCount, { pinned }: Budget): number {
  if (pinned.length === 0) return window.tokens;
  const whole = window.clone();
  for (const message of pinned.toReversed()) whole.prepend(pythonText(message));
  return whole.tokens;
}

export function checkPinned(budget: Budget): void {
  const tokens = tokensWithPinned(budget.meter.join(), budget);
  if (tokens <= budget.tokens) return;
  const problem = `The system messages alone have ${tokens} tokens, of ${budget.tokens} that are left.`;
  throw chatStoreError("MESSAGE_TOO_LARGE", `${problem} Raise tokenLimit, or shorten them.`);
}

/**
 * LlamaIndex Python's window: the longest run of newest messages within the limit that does not begin with an assistant's
 * or a tool's message, or the whole conversation; and the newest message if there is none, however long it is.
 *
 * Python drops messages from the oldest on until the rest fits. The same window is found from the newest on, since a
 * longer run has at least the tokens of `floor`: where that passes the limit, no longer run fits.
 */
export async function pythonWindow(history: HistoryReader, budget: Budget): Promise<ChatMessage[]> {
  const newestFirst: ChatMessage[] = [];
  /** For each run of newest messages whether it is within the limit, by its length less one. */
  const fits: boolean[] = [];
  const count = budget.meter.join();
  while (count.floor <= budget.tokens) {
    const message = await history.next();
    if (message === undefined) {
      // The whole conversation may begin with any message.
      if (fits.at(-1)) return newestFirst.reverse();
      break;
    }
    newestFirst.push(message);
    count.prepend(pythonText(message));
    fits.push(tokensWithPinned(count, budget) <= budget.tokens);
  }
  for (let length = newestFirst.length; length > 1; length--) {
    const role = newestFirst[length - 1]?.role;
    if (fits[length - 1] && role !== "tool" && role !== "assistant") return newestFirst.slice(0, length).reverse();
  }
  return newestFirst.slice(0, 1);
}
