import type { ChatMessageInput, ChatStore } from "@chatkeep/chat-store-core";

export const message = (content: string) => ({ role: "user", content }) as const satisfies ChatMessageInput;

/** `m0`, `m1`, … */
export const messages = (count: number, prefix = "m") =>
  Array.from({ length: count }, (_, i) => message(`${prefix}${i}`));

/** Of messages that hold text. */
export const contents = (read: readonly ChatMessageInput[]) => read.map(({ content }) => String(content));

export interface Mutation {
  readonly name: string;
  /** How many messages there are before: `m0` to `m4` if not given. */
  readonly before?: number;
  readonly apply: (store: ChatStore, key: string) => Promise<unknown>;
  readonly answer: unknown;
  /** What is there afterwards. */
  readonly after: readonly string[];
}

/** Every way to change a conversation. */
export const mutations: readonly Mutation[] = [
  {
    name: "addMessage",
    apply: (store, key) => store.addMessage(key, message("new")),
    answer: undefined,
    after: ["m0", "m1", "m2", "m3", "m4", "new"],
  },
  {
    name: "addMessage, the first",
    before: 0,
    apply: (store, key) => store.addMessage(key, message("new")),
    answer: undefined,
    after: ["new"],
  },
  {
    // Whether it is in can't be told by looking.
    name: "addMessage of what is there already",
    apply: (store, key) => store.addMessage(key, message("m4")),
    answer: undefined,
    after: ["m0", "m1", "m2", "m3", "m4", "m4"],
  },
  {
    name: "addMessage with an index",
    apply: (store, key) => store.addMessage(key, message("new"), { index: 1 }),
    answer: undefined,
    after: ["m0", "new", "m1", "m2", "m3", "m4"],
  },
  {
    name: "addMessages",
    apply: (store, key) => store.addMessages(key, messages(2, "n")),
    answer: undefined,
    after: ["m0", "m1", "m2", "m3", "m4", "n0", "n1"],
  },
  {
    name: "setMessages",
    apply: (store, key) => store.setMessages(key, messages(2, "n")),
    answer: undefined,
    after: ["n0", "n1"],
  },
  { name: "deleteMessages", apply: (store, key) => store.deleteMessages(key), answer: undefined, after: [] },
  {
    name: "deleteMessage",
    apply: (store, key) => store.deleteMessage(key, 1),
    answer: message("m1"),
    after: ["m0", "m2", "m3", "m4"],
  },
  {
    name: "deleteMessage, the only one",
    before: 1,
    apply: (store, key) => store.deleteMessage(key, 0),
    answer: message("m0"),
    after: [],
  },
  {
    name: "deleteLastMessage",
    apply: (store, key) => store.deleteLastMessage(key),
    answer: message("m4"),
    after: ["m0", "m1", "m2", "m3"],
  },
  {
    name: "replaceMessage",
    apply: (store, key) => store.replaceMessage(key, 2, message("new")),
    answer: message("m2"),
    after: ["m0", "m1", "new", "m3", "m4"],
  },
  { name: "trimMessages", apply: (store, key) => store.trimMessages(key, 2), answer: 3, after: ["m3", "m4"] },
];
