import { check, checkEqual, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { message, messages, wrong } from "../samples.js";
import { pageTexts, texts, textsOf } from "./reading.js";

export const pages: Group = (it, { level }) => {
  const lengths = level === "full" ? [0, 1, 20, 1_000, 10_000] : [0, 1, 20, 1_000];
  const limits = [1, 2, 3, 7, 19, 20, 21, 64, 99, 100, 101, 999, 1_000, 1_001, 5_000];

  for (const length of lengths) {
    it(`the pages of ${length} messages put together are the whole`, async ({ store, other, key }) => {
      await store.setMessages(key, messages(length));
      const whole = await texts(store, key);
      check(whole.length === length, `There are ${whole.length} messages, not ${length}.`);
      for (const limit of limits) {
        // A thousand pages of one message tell no more than fifty.
        if (length / limit > (level === "full" ? 1_000 : 50)) continue;
        checkEqual(await pageTexts(other, key, limit), whole, `pages of ${limit}`);
        checkEqual(textsOf(await store.getPage(key, { limit })), whole.slice(-limit), `the newest ${limit}`);
        checkEqual(
          textsOf(await store.getPage(key, { limit, from: "oldest" })),
          whole.slice(0, limit),
          `the oldest ${limit}`,
        );
      }
    });
  }

  it("a last page that is just full says that there are no older messages", async ({ store, key }) => {
    await store.setMessages(key, messages(10));
    const newer = await store.getPage(key, { limit: 5 });
    const older = await store.getPage(key, { limit: 5, before: newer.before });
    checkEqual(textsOf(older), ["m0", "m1", "m2", "m3", "m4"], "the older page");
    checkEqual(older.before, undefined, "its before");
  });

  it("a cursor serves more than once, and another client", { needs: "stableCursors" }, async ({
    store,
    other,
    key,
  }) => {
    await store.setMessages(key, messages(10));
    const { before } = await store.getPage(key, { limit: 4 });
    for (const client of [store, other, store]) {
      checkEqual(await pageTexts(client, key, 3, before), ["m0", "m1", "m2", "m3", "m4", "m5"], "what is older");
    }
  });

  const older = ["m0", "m1", "m2", "m3", "m4", "m5"];
  const changes: [
    string,
    (store: import("@chatkeep/chat-store-core").ChatStore, key: string) => Promise<unknown>,
    string[],
  ][] = [
    ["an append", (s, k) => s.addMessage(k, message("new")), older],
    ["many appends", (s, k) => s.addMessages(k, messages(100, "new")), older],
    ["a pop", (s, k) => s.deleteLastMessage(k), older],
    ["a delete of a newer message", (s, k) => s.deleteMessage(k, 8), older],
    ["a delete of an older message", (s, k) => s.deleteMessage(k, 2), ["m0", "m1", "m3", "m4", "m5"]],
    [
      "an edit of an older message",
      (s, k) => s.replaceMessage(k, 2, message("new")),
      ["m0", "m1", "new", "m3", "m4", "m5"],
    ],
    ["an edit of the oldest message of the page", (s, k) => s.replaceMessage(k, 6, message("new")), older],
    ["an insert of a newer message", (s, k) => s.addMessage(k, message("new"), { index: 9 }), older],
    [
      "an insert of an older message",
      (s, k) => s.addMessage(k, message("new"), { index: 1 }),
      ["m0", "new", "m1", "m2", "m3", "m4", "m5"],
    ],
    ["a trim", (s, k) => s.trimMessages(k, 7), ["m3", "m4", "m5"]],
  ];
  for (const [title, change, expected] of changes) {
    it(`a cursor stays right after ${title} elsewhere`, { needs: "stableCursors" }, async ({ store, other, key }) => {
      await store.setMessages(key, messages(10));
      const { before } = await store.getPage(key, { limit: 4 });
      await change(other, key);
      checkEqual(await pageTexts(store, key, 4, before), expected, "what is older");
    });
  }

  it("a cursor stays right while a page after page is read and others write", { needs: "stableCursors" }, async ({
    store,
    other,
    key,
  }) => {
    await store.setMessages(key, messages(60));
    const read: unknown[] = [];
    let before: string | undefined;
    for (let round = 0; ; round++) {
      const page = await store.getPage(key, { limit: 7, before });
      read.unshift(...textsOf(page));
      before = page.before;
      if (before === undefined) break;
      await other.addMessage(key, message(`new${round}`));
      if (round % 2 === 0) await other.deleteLastMessage(key);
    }
    checkEqual(
      read,
      messages(60).map(({ content }) => content),
      "all that was there from the beginning",
    );
  });

  it("a cursor whose message was deleted goes on at its place, or is a conflict", { needs: "stableCursors" }, async ({
    store,
    other,
    key,
  }) => {
    await store.setMessages(key, messages(10));
    const { before } = await store.getPage(key, { limit: 4 });
    await other.deleteMessage(key, 6);
    const page = await store.getPage(key, { limit: 20, before }).catch((error: unknown) => error);
    if (page instanceof Error) await rejection(Promise.reject(page), "CONFLICT");
    else checkEqual(page, { messages: older.map((content) => ({ role: "user", content })) }, "what is older");
  });

  const ends: [string, (store: import("@chatkeep/chat-store-core").ChatStore, key: string) => Promise<unknown>][] = [
    ["replaced", (s, k) => s.setMessages(k, messages(10, "other"))],
    ["forgotten", (s, k) => s.deleteMessages(k)],
    [
      "forgotten and begun anew",
      async (s, k) => {
        await s.deleteMessages(k);
        await s.addMessages(k, messages(10, "other"));
      },
    ],
  ];
  for (const [title, end] of ends) {
    it(`a cursor of a history that was ${title} is a conflict`, { needs: "stableCursors" }, async ({
      store,
      other,
      key,
    }) => {
      await store.setMessages(key, messages(10));
      const { before } = await store.getPage(key, { limit: 4 });
      await end(other, key);
      await rejection(store.getPage(key, { limit: 4, before }), "CONFLICT");
    });
  }

  it("refuses the cursor of another key, and what is no cursor", async ({ store, key, newKey }) => {
    const another = newKey();
    await store.setMessages(key, messages(10));
    await store.setMessages(another, messages(10));
    const { before } = await store.getPage(another, { limit: 4 });
    check(before !== undefined, "A page of 4 of 10 messages has no before.");
    await rejection(store.getPage(key, { limit: 4, before }), "INVALID_ARGUMENT");
    const { before: own = "" } = await store.getPage(key, { limit: 4 });
    for (const bad of ["", "x", "1", `${own}x`, `x${own}`, `${own.slice(0, -1)}~`, "\u0000", 5, {}]) {
      // A damaged cursor may be out of date as far as the store can tell, but it never leads anywhere else.
      const error = await store.getPage(key, { limit: 4, before: bad as string }).catch((reason: unknown) => reason);
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      check(code === "INVALID_ARGUMENT" || code === "CONFLICT", `The cursor ${JSON.stringify(bad)} was taken.`);
    }
  });

  it("refuses bad limits", async ({ store, key }) => {
    for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", undefined]) {
      await rejection(store.getPage(key, { limit: wrong(limit) }), "INVALID_ARGUMENT");
    }
    await rejection(store.getPage(key, { limit: 5, from: wrong("middle") }), "INVALID_ARGUMENT");
    await rejection(store.getPage(key, wrong(undefined)), "INVALID_ARGUMENT");
  });
};
