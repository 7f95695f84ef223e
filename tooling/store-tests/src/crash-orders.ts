import type { ChatStore } from "@chatkeep/chat-store-core";
import { contents, messages } from "./mutations.js";

export const before = messages(5, "old");
const added = messages(60, "new");

/** What a client is killed in: on `old0` to `old4`, and what is there if it was done. */
export const crashOrders = {
  set: {
    apply: (store: ChatStore, key: string) => store.setMessages(key, added),
    after: contents(added),
  },
  add: {
    apply: (store: ChatStore, key: string) => store.addMessages(key, added),
    after: contents([...before, ...added]),
  },
  delete: {
    apply: (store: ChatStore, key: string) => store.deleteMessage(key, 2),
    after: contents(before.filter((_, i) => i !== 2)),
  },
};

export type CrashOrder = keyof typeof crashOrders;
