import type { AbortSignalLike, ChatStore } from "../chat-store.js";
import type { ChatMessage } from "../messages/message.js";

const firstPage = 32;
const largestPage = 256;

/** Reads a conversation from its newest message backwards, a page at a time and only as far as it is asked for. */
export class HistoryReader {
  readonly #store: ChatStore;
  readonly #key: string;
  readonly #signal: AbortSignalLike | undefined;
  /** What was read, newest first. */
  readonly #read: ChatMessage[] = [];
  #given = 0;
  #before: string | undefined;
  #pageSize = firstPage;
  #complete = false;

  constructor(store: ChatStore, key: string, signal: AbortSignalLike | undefined) {
    this.#store = store;
    this.#key = key;
    this.#signal = signal;
  }

  /** The next older message; undefined at the beginning of the conversation. */
  async next(): Promise<ChatMessage | undefined> {
    if (this.#given === this.#read.length && !this.#complete) await this.#readPage();
    return this.#read[this.#given++];
  }

  /** The system messages with which the conversation begins, oldest first. */
  async leadingSystemMessages(): Promise<ChatMessage[]> {
    if (this.#read.length === 0) await this.#readPage();
    if (this.#complete) return leadingSystem(this.#read.toReversed());
    for (let limit = 8; ; limit *= 4) {
      const { messages } = await this.#store.getPage(this.#key, { limit, from: "oldest", signal: this.#signal });
      const leading = leadingSystem(messages);
      if (leading.length < limit) return leading;
    }
  }

  async #readPage(): Promise<void> {
    const options = { limit: this.#pageSize, before: this.#before, signal: this.#signal };
    const page = await this.#store.getPage(this.#key, options);
    this.#read.push(...page.messages.reverse());
    this.#before = page.before;
    this.#complete = page.before === undefined;
    this.#pageSize = Math.min(largestPage, this.#pageSize * 2);
  }
}

export function isSystem({ role }: ChatMessage): boolean {
  return role === "system" || role === "developer";
}

function leadingSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  const end = messages.findIndex((message) => !isSystem(message));
  return messages.slice(0, end === -1 ? messages.length : end);
}
