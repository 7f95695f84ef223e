import type { ChatStore, WriteOptions } from "@chatkeep/chat-store-core";
import { check, checkEqual, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { message, messages } from "../samples.js";
import { texts } from "./reading.js";

type Mutation = (store: ChatStore, key: string, options: WriteOptions) => Promise<unknown>;

/** Each on a conversation of m0 to m4. */
const mutations: readonly [string, Mutation][] = [
  ["addMessage", (s, k, o) => s.addMessage(k, message("new"), o)],
  ["addMessage with index", (s, k, o) => s.addMessage(k, message("new"), { ...o, index: 2 })],
  ["addMessages", (s, k, o) => s.addMessages(k, messages(3, "new"), o)],
  ["addMessages of many", (s, k, o) => s.addMessages(k, messages(300, "new"), o)],
  ["setMessages", (s, k, o) => s.setMessages(k, messages(2, "new"), o)],
  ["setMessages of none", (s, k, o) => s.setMessages(k, [], o)],
  ["deleteMessages", (s, k, o) => s.deleteMessages(k, o)],
  ["deleteMessage", (s, k, o) => s.deleteMessage(k, 1, o)],
  ["deleteMessage beyond the end", (s, k, o) => s.deleteMessage(k, 9, o)],
  ["deleteLastMessage", (s, k, o) => s.deleteLastMessage(k, o)],
  ["replaceMessage", (s, k, o) => s.replaceMessage(k, 1, message("new"), o)],
  ["trimMessages", (s, k, o) => s.trimMessages(k, 2, o)],
];

/** The mutations that a store must remember an operation for, at the least. */
const window = 32;

export const operationIds: Group = (it) => {
  const needs = { needs: "operationIds" } as const;

  for (const [title, mutate] of mutations) {
    it(
      `${title} is applied once and answered the same, by this client and another`,
      needs,
      async ({ store, other, key }) => {
        await store.setMessages(key, messages(5));
        const operationId = "the operation";
        const answer = await mutate(store, key, { operationId });
        const after = await texts(store, key);
        checkEqual(await mutate(store, key, { operationId }), answer, "the second answer");
        checkEqual(await mutate(other, key, { operationId }), answer, "the third answer, of another client");
        checkEqual(await texts(other, key), after, "the history");
      },
    );

    it(`${title} is applied once although others write in between`, needs, async ({ store, other, key }) => {
      await store.setMessages(key, messages(5));
      const answer = await mutate(store, key, { operationId: "id" });
      for (let i = 0; i < window - 1; i++) {
        if (i % 5 === 4) await other.deleteLastMessage(key);
        else await other.addMessage(key, message(`later${i}`));
      }
      const after = await texts(other, key);
      checkEqual(await mutate(store, key, { operationId: "id" }), answer, "the second answer");
      checkEqual(await mutate(other, key, { operationId: "id" }), answer, "the answer to another client");
      checkEqual(await texts(other, key), after, "the history");
    });

    it(`${title} is not applied again after the conversation was forgotten`, needs, async ({ store, other, key }) => {
      await store.setMessages(key, messages(5));
      const answer = await mutate(store, key, { operationId: "id" });
      await other.deleteMessages(key);
      checkEqual(await mutate(store, key, { operationId: "id" }), answer, "the second answer");
      checkEqual(await texts(other, key), [], "the history");
      await other.addMessage(key, message("anew"));
      checkEqual(await mutate(other, key, { operationId: "id" }), answer, "the third answer");
      checkEqual(await texts(store, key), ["anew"], "the history that began anew");
    });

    it(`${title} sent twice at once is applied once`, needs, async ({ store, other, key }) => {
      await store.setMessages(key, messages(5));
      const once = store === other ? key : `${key}-once`;
      if (once !== key) {
        await store.setMessages(once, messages(5));
        await mutate(store, once, { operationId: "id" });
      }
      const [first, second] = await Promise.all([
        mutate(store, key, { operationId: "id" }),
        mutate(other, key, { operationId: "id" }),
      ]);
      checkEqual(second, first, "the second answer");
      if (once !== key) checkEqual(await texts(store, key), await texts(store, once), "the history");
    });
  }

  for (const [title, end] of [
    ["deleteMessages", (s, k, o) => s.deleteMessages(k, o)],
    ["setMessages of none", (s, k, o) => s.setMessages(k, [], o)],
  ] satisfies [string, Mutation][]) {
    it(`${title} of a key that does not exist does not end what begins later`, needs, async ({ store, other, key }) => {
      await end(store, key, { operationId: "id" });
      await other.addMessage(key, message("later"));
      await end(store, key, { operationId: "id" });
      checkEqual(await texts(other, key), ["later"], "the history");
    });
  }

  it(
    "beyond the window it is taken for a new one or refused as unknown, and never both",
    needs,
    async ({ store, other, key }) => {
      await store.addMessage(key, message("once"), { operationId: "id" });
      for (let i = 0; i < 200; i++) await other.addMessage(key, message(`later${i}`), { operationId: `later ${i}` });
      const error = await store
        .addMessage(key, message("once"), { operationId: "id" })
        .catch((reason: unknown) => reason);
      const read = await texts(store, key);
      if (error === undefined)
        return check(read.filter((each) => each === "once").length <= 2, "It was applied more than twice.");
      check(
        error instanceof Error && "outcome" in error && error.outcome === "unknown",
        "It was refused without saying that its outcome is unknown.",
      );
      check(read.filter((each) => each === "once").length === 1, "It was refused and applied all the same.");
    },
  );

  it(
    "an id that comes back for something else is a conflict, and nothing happens",
    needs,
    async ({ store, other, key }) => {
      await store.setMessages(key, messages(5));
      const options = { operationId: "id" };
      await store.addMessage(key, message("first"), options);
      const others: (() => Promise<unknown>)[] = [
        () => other.addMessage(key, message("second"), options),
        () => other.addMessages(key, messages(2), options),
        () => other.addMessage(key, message("first"), { ...options, index: 0 }),
        () => other.deleteLastMessage(key, options),
        () => other.deleteMessage(key, 0, options),
        () => other.replaceMessage(key, 0, message("first"), options),
        () => other.trimMessages(key, 1, options),
        () => other.setMessages(key, [message("first")], options),
        () => other.deleteMessages(key, options),
      ];
      for (const each of others) {
        const error = await rejection(each(), "CONFLICT");
        checkEqual(error.outcome, "not-applied", "the outcome");
      }
      checkEqual(await texts(store, key), ["m0", "m1", "m2", "m3", "m4", "first"], "the history");
    },
  );

  it("the same id on another key is another operation", needs, async ({ store, key, newKey }) => {
    const another = newKey();
    await store.addMessage(key, message("a"), { operationId: "id" });
    await store.addMessage(another, message("b"), { operationId: "id" });
    checkEqual(await texts(store, another), ["b"], "the other conversation");
  });

  it("calls without an id are all applied", async ({ store, key }) => {
    for (let i = 0; i < 3; i++) await store.addMessage(key, message("same"));
    checkEqual(await texts(store, key), ["same", "same", "same"], "the history");
  });

  it("any text of 1 to 128 bytes is an id, and nothing else", async ({ store, key, newKey }) => {
    for (const operationId of ["'\"*%{}[]/\\", "\u0000", "é".repeat(64), "x".repeat(128), "__proto__", " "]) {
      const own = newKey();
      for (let i = 0; i < 2; i++) await store.addMessage(own, message("x"), { operationId });
    }
    for (const operationId of ["", "x".repeat(129), "é".repeat(65), "\ud83d", 5, {}]) {
      await rejection(store.addMessage(key, message("x"), { operationId: operationId as string }), "INVALID_ARGUMENT");
    }
    checkEqual(await texts(store, key), [], "the history");
  });
};
