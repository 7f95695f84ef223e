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
  /** How many of them `next` gave. */
  #given = 0;
  #pinned = false;
  /** All from the next message up to this one are known to be system messages. */
  #spoken = 0;
  #before: string | undefined;
  #pageSize = firstPage;
  #complete = false;

  constructor(store: ChatStore, key: string, signal: AbortSignalLike | undefined) {
    this.#store = store;
    this.#key = key;
    this.#signal = signal;
  }

  /** The next older message; undefined at the beginning of the conversation, or at what is pinned there. */
  async next(): Promise<ChatMessage | undefined> {
    const message = await this.#at(this.#given);
    if (message === undefined) return undefined;
    if (this.#pinned && isSystem(message) && !(await this.#isSpokenBefore())) return undefined;
    this.#given++;
    return message;
  }

  /** The system messages with which the conversation begins, oldest first. `next` gives none of them then. */
  async pinSystemMessages(): Promise<ChatMessage[]> {
    this.#pinned = true;
    await this.#at(0);
    if (this.#complete) return leadingSystem(this.#read.toReversed());
    for (let limit = 8; ; limit *= 4) {
      const { messages } = await this.#store.getPage(this.#key, { limit, from: "oldest", signal: this.#signal });
      const leading = leadingSystem(messages);
      if (leading.length < limit) return leading;
    }
  }

  /** The message at a distance from the newest. */
  async #at(index: number): Promise<ChatMessage | undefined> {
    while (index >= this.#read.length && !this.#complete) await this.#readPage();
    return this.#read[index];
  }

  /** Whether there is any other than system messages before the next one. */
  async #isSpokenBefore(): Promise<boolean> {
    for (this.#spoken = Math.max(this.#spoken, this.#given); ; this.#spoken++) {
      const message = await this.#at(this.#spoken);
      if (message === undefined || !isSystem(message)) return message !== undefined;
    }
  }

  async #readPage(): Promise<void> {
    const options = { limit: this.#pageSize, before: this.#before, signal: this.#signal };
    const page = await this.#store.getPage(this.#key, options);
    this.#read.push(...page.messages.toReversed());
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
