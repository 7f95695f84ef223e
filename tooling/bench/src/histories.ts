import type { ChatStore } from "@chatkeep/chat-store-core";
import { OURS } from "./results.js";
import { CHARACTERS, messages, prose, roleOf } from "./texts.js";

/** Seconds: every library that can is told to let histories expire, as an application would. */
export const TTL_SECONDS = 86_400;

/** Histories on one server as one library keeps them. Messages are told by their number. */
export interface Histories {
  readonly name: string;
  append(key: string, number: number): Promise<unknown>;
  /** Several in the library's own way for that; absent where it has none. */
  appendMany(key: string, count: number): Promise<unknown>;
  /** The newest messages, oldest first or newest first, as objects of the library. */
  newest(key: string, count: number): Promise<readonly unknown[]>;
  /** Brings a new history to its length, by whatever way is quick, in the library's own format. */
  fill(key: string, count: number): Promise<void>;
  close(): Promise<void>;
}

const TEXTS = Array.from({ length: 1_000 }, (_, number) => prose(CHARACTERS, number));
/** Made beforehand, so that making it is not timed. */
export const textOf = (number: number) => TEXTS[number % TEXTS.length] as string;
export const plain = (number: number) => ({ role: roleOf(number), content: textOf(number) });

export function ofStore(store: ChatStore, name = OURS): Histories {
  return {
    name,
    append: (key, number) => store.addMessage(key, plain(number)),
    appendMany: (key, count) => store.addMessages(key, messages(count)),
    newest: async (key, count) => (await store.getPage(key, { limit: count })).messages,
    async fill(key, count) {
      for (const batch of batches(count, 5_000)) await store.addMessages(key, messages(batch));
    },
    close: () => store.close(),
  };
}

/** `total` in parts of at most `size`. */
export function* batches(total: number, size: number): Generator<number> {
  for (let left = total; left > 0; left -= size) yield Math.min(size, left);
}

export const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
