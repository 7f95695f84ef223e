import { randomUUID } from "node:crypto";
import { batches, type Histories, numbers, textOf } from "./histories.js";
import { roleOf } from "./texts.js";

/** The part of Mastra's stores that is used. */
export interface MastraStore {
  init(): Promise<void>;
  getStore(domain: "memory"): Promise<MastraMemory | undefined>;
  close?(): Promise<void>;
}

interface MastraMemory {
  saveThread(args: { thread: object }): Promise<unknown>;
  saveMessages(args: { messages: object[] }): Promise<unknown>;
  listMessages(args: object): Promise<{ messages: unknown[] }>;
}

const RESOURCE = "bench";

/** Mastra's storage of messages, without the agent's memory that is on top of it. */
export async function mastra(store: MastraStore, name: string): Promise<Histories> {
  await store.init();
  const memory = await store.getStore("memory");
  if (memory === undefined) throw new Error(`${name} has no memory`);
  const threads = new Set<string>();
  async function begin(id: string): Promise<void> {
    if (threads.has(id)) return;
    threads.add(id);
    const now = new Date();
    await memory?.saveThread({
      thread: { id, resourceId: RESOURCE, title: "bench", metadata: {}, createdAt: now, updatedAt: now },
    });
  }
  // Its order is that of the times, which must differ.
  let clock = Date.now();
  const message = (threadId: string) => (number: number) => ({
    id: randomUUID(),
    threadId,
    resourceId: RESOURCE,
    role: roleOf(number),
    type: "text",
    createdAt: new Date(clock++),
    content: { format: 2, parts: [{ type: "text", text: textOf(number) }] },
  });
  const save = async (key: string, count: number) => {
    await begin(key);
    await memory.saveMessages({ messages: numbers(count).map(message(key)) });
  };
  return {
    name,
    async append(key, number) {
      await begin(key);
      await memory.saveMessages({ messages: [message(key)(number)] });
    },
    appendMany: save,
    newest: async (threadId, perPage) => {
      const orderBy = { field: "createdAt", direction: "DESC" };
      return (await memory.listMessages({ threadId, perPage, page: 0, orderBy })).messages;
    },
    async fill(key, count) {
      for (const batch of batches(count, 1_000)) await save(key, batch);
    },
    close: async () => store.close?.(),
  };
}
