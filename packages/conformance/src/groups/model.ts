import type { ChatStore } from "@chatkeep/chat-store-core";
import fc from "fast-check";
import { checkEqual } from "../assert.js";
import type { Group } from "../case.js";
import { message } from "../samples.js";
import { pageTexts, texts, textsOf } from "./reading.js";

/** One step: what it does to a store, and to the plain list that says what should come of it. */
type Step = (clients: readonly [ChatStore, ChatStore], key: string, list: string[]) => Promise<void>;

/** Made when it is needed: an arbitrary of all characters takes a second or two to make. */
function anyStep(): fc.Arbitrary<Step>[] {
  const client = fc.constantFrom(0 as const, 1 as const);
  const text = fc.string({ unit: "binary", maxLength: 8 });
  const index = fc.nat(12);

  return [
    fc.tuple(client, text).map(([c, t]) => async (clients, key, list) => {
      await clients[c].addMessage(key, message(t));
      list.push(t);
    }),
    fc.tuple(client, fc.array(text, { maxLength: 5 })).map(([c, ts]) => async (clients, key, list) => {
      await clients[c].addMessages(key, ts.map(message));
      list.push(...ts);
    }),
    fc.tuple(client, fc.array(text, { maxLength: 5 })).map(([c, ts]) => async (clients, key, list) => {
      await clients[c].setMessages(key, ts.map(message));
      list.splice(0, list.length, ...ts);
    }),
    fc.tuple(client, text, index).map(([c, t, i]) => async (clients, key, list) => {
      const error = await clients[c].addMessage(key, message(t), { index: i }).catch((reason: unknown) => reason);
      checkEqual(
        error instanceof Error && "code" in error ? error.code : error,
        i > list.length ? "INDEX_OUT_OF_RANGE" : undefined,
        `insert at ${i}`,
      );
      if (i <= list.length) list.splice(i, 0, t);
    }),
    fc.tuple(client, index).map(([c, i]) => async (clients, key, list) => {
      checkEqual((await clients[c].deleteMessage(key, i))?.content, list.splice(i, 1)[0], `delete at ${i}`);
    }),
    fc.tuple(client, text, index).map(([c, t, i]) => async (clients, key, list) => {
      const expected = i < list.length ? list.splice(i, 1, t)[0] : undefined;
      checkEqual((await clients[c].replaceMessage(key, i, message(t)))?.content, expected, `edit at ${i}`);
    }),
    client.map((c) => async (clients, key, list) => {
      checkEqual((await clients[c].deleteLastMessage(key))?.content, list.pop(), "pop");
    }),
    fc.tuple(client, index).map(([c, n]) => async (clients, key, list) => {
      checkEqual(
        await clients[c].trimMessages(key, n),
        list.splice(0, Math.max(0, list.length - n)).length,
        `trim to ${n}`,
      );
    }),
    client.map((c) => async (clients, key, list) => {
      await clients[c].deleteMessages(key);
      list.length = 0;
    }),
    fc.tuple(client, fc.integer({ min: 1, max: 6 })).map(([c, n]) => async (clients, key, list) => {
      checkEqual(textsOf(await clients[c].getPage(key, { limit: n })), list.slice(-n), `the newest ${n}`);
      checkEqual(
        textsOf(await clients[c].getPage(key, { limit: n, from: "oldest" })),
        list.slice(0, n),
        `the oldest ${n}`,
      );
      checkEqual(await pageTexts(clients[c], key, n), list, `pages of ${n}`);
    }),
    client.map((c) => async (clients, key, list) => {
      checkEqual(await texts(clients[c], key), list, "getMessages");
      checkEqual(await clients[c].countMessages(key), list.length, "countMessages");
      checkEqual(await clients[c].getKeys({ prefix: key }), list.length > 0 ? [key] : [], "getKeys");
    }),
  ];
}

export const model: Group = (it, { level }) => {
  it("any sequence of operations does what it does to a plain list", async ({ store, other, newKey }) => {
    const sequences = fc.array(fc.oneof(...anyStep()), { minLength: 5, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        const key = newKey();
        const list: string[] = [];
        for (const step of sequence) await step([store, other], key, list);
        checkEqual(await texts(store, key), list, "the history in the end");
      }),
      { numRuns: level === "full" ? 500 : 25 },
    );
  });
};
