import type { Histories } from "./histories.js";
import { batches, numbers, textOf } from "./histories.js";
import type { LoadPeer } from "./peers.js";
import { roleOf } from "./texts.js";

export interface LangChainHistory {
  addMessage(message: unknown): Promise<void>;
  addMessages(messages: unknown[]): Promise<void>;
  getMessages(): Promise<unknown[]>;
}

interface Messages {
  HumanMessage: new (text: string) => unknown;
  AIMessage: new (text: string) => unknown;
}

/** Makes a message of LangChain's. */
export async function langChainMessages(load: LoadPeer): Promise<(number: number) => unknown> {
  const { HumanMessage, AIMessage } = await load<Messages>("@langchain/core/messages");
  return (number) => (roleOf(number) === "user" ? new HumanMessage(textOf(number)) : new AIMessage(textOf(number)));
}

/** LangChain reads all of a history, and the caller takes the end. */
export async function langChain(
  load: LoadPeer,
  name: string,
  historyOf: (key: string) => LangChainHistory,
  more: Pick<Histories, "close"> & Partial<Histories>,
): Promise<Histories> {
  const message = await langChainMessages(load);
  const opened = new Map<string, LangChainHistory>();
  const history = (key: string) => {
    const found = opened.get(key) ?? historyOf(key);
    opened.set(key, found);
    return found;
  };
  return {
    name,
    append: (key, number) => history(key).addMessage(message(number)),
    appendMany: (key, count) => history(key).addMessages(numbers(count).map(message)),
    newest: async (key, count) => (await history(key).getMessages()).slice(-count),
    async fill(key, count) {
      let number = 0;
      for (const batch of batches(count, 1_000)) {
        await Promise.all(numbers(batch).map(() => history(key).addMessage(message(number++))));
      }
    },
    ...more,
  };
}
