import type { ChatStore } from "@chatkeep/chat-store-core";
import { check } from "../assert.js";
import type { Group } from "../case.js";
import { message, messages } from "../samples.js";
import type { CountedOperation, Space } from "../subject.js";

const operations: Readonly<Record<CountedOperation, (store: ChatStore, key: string) => Promise<unknown>>> = {
  addMessage: (s, k) => s.addMessage(k, message("new")),
  addMessages: (s, k) => s.addMessages(k, messages(3, "new")),
  getPage: (s, k) => s.getPage(k, { limit: 20 }),
  deleteLastMessage: (s, k) => s.deleteLastMessage(k),
  countMessages: (s, k) => s.countMessages(k),
  deleteMessage: (s, k) => s.deleteMessage(k, 5),
  replaceMessage: (s, k) => s.replaceMessage(k, 5, message("new")),
  deleteMessages: (s, k) => s.deleteMessages(k),
};

/** Those whose cost must not grow with the history. */
const constant: readonly CountedOperation[] = [
  "addMessage",
  "addMessages",
  "getPage",
  "deleteLastMessage",
  "countMessages",
];

const constantRequests = { needs: ["constantCost", "requestCount"] } as const;

export const costs: Group = (it, { subject, level }) => {
  for (const [operation, most] of Object.entries(subject.requests ?? {})) {
    const run = operations[operation as CountedOperation];
    it(`${operation} takes at most ${most} requests`, { needs: "requestCount" }, async ({ store, key, space }) => {
      await store.setMessages(key, messages(30));
      await store.addMessage(key, message("x"));
      const sent = await requestsOf(space, () => run(store, key));
      check(sent <= most, `It took ${sent} requests.`);
    });
  }

  for (const operation of constant) {
    it(
      `${operation} takes as many requests on a long history as on a short one`,
      constantRequests,
      async ({ store, newKey, space }) => {
        const cost = async (length: number) => {
          const key = newKey();
          await store.setMessages(key, messages(length));
          await store.addMessage(key, message("x"));
          let sent = 0;
          for (let i = 0; i < 5; i++) sent += await requestsOf(space, () => operations[operation](store, key));
          return sent;
        };
        const short = await cost(30);
        const long = await cost(level === "full" ? 10_000 : 2_000);
        check(long <= short, `Five times it took ${short} requests with 30 messages and ${long} with many.`);
      },
    );
  }

  it(
    "append and newest page take as many requests after many pops",
    constantRequests,
    async ({ store, key, space }) => {
      await store.setMessages(key, messages(50));
      const cost = async () => {
        let sent = 0;
        for (let i = 0; i < 3; i++) {
          for (const operation of ["addMessage", "getPage", "deleteLastMessage"] as const) {
            sent += await requestsOf(space, () => operations[operation](store, key));
          }
        }
        return sent;
      };
      await cost();
      const first = await cost();
      for (let i = 0; i < (level === "full" ? 2_000 : 200); i++) {
        await store.addMessage(key, message("x"));
        await store.deleteLastMessage(key);
      }
      const later = await cost();
      check(later <= first, `It took ${first} requests at first and ${later} after many pops.`);
    },
  );
};

/** What an operation takes, with what follows it, and without what followed those before. */
async function requestsOf({ requests, settled }: Space, operation: () => Promise<unknown>): Promise<number> {
  check(requests !== undefined, "The space has no count of requests. Give it one, or declare requestCount as lacking.");
  await settled?.();
  const before = requests();
  await operation();
  await settled?.();
  return requests() - before;
}
