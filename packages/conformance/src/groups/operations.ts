import { check, checkEqual } from "../assert.js";
import type { Group } from "../case.js";
import { message, messages } from "../samples.js";
import { texts } from "./reading.js";

export const operations: Group = (it) => {
  it("a key that does not exist is empty, and nothing can be taken from it", async ({ store, key }) => {
    checkEqual(await store.getMessages(key), [], "getMessages");
    checkEqual(await store.getPage(key, { limit: 5 }), { messages: [] }, "getPage");
    checkEqual(await store.getPage(key, { limit: 5, from: "oldest" }), { messages: [] }, "the oldest page");
    checkEqual(await store.countMessages(key), 0, "countMessages");
    checkEqual(await store.deleteMessage(key, 0), undefined, "deleteMessage");
    checkEqual(await store.deleteLastMessage(key), undefined, "deleteLastMessage");
    checkEqual(await store.replaceMessage(key, 0, message("x")), undefined, "replaceMessage");
    checkEqual(await store.trimMessages(key, 0), 0, "trimMessages");
    checkEqual(await store.deleteMessages(key), undefined, "deleteMessages");
    checkEqual(await texts(store, key), [], "getMessages after all that");
  });

  it("messages are appended in order", async ({ store, other, key }) => {
    await store.addMessage(key, message("a"));
    await other.addMessage(key, message("b"));
    await store.addMessages(key, messages(3));
    checkEqual(await texts(store, key), ["a", "b", "m0", "m1", "m2"], "what the writer reads");
    checkEqual(await texts(other, key), ["a", "b", "m0", "m1", "m2"], "what another client reads");
    checkEqual(await other.countMessages(key), 5, "countMessages");
  });

  it("an empty list appends nothing and makes no key", async ({ store, key }) => {
    await store.addMessages(key, []);
    checkEqual(await store.getKeys({ prefix: key }), [], "getKeys");
    await store.addMessage(key, message("a"));
    await store.addMessages(key, []);
    checkEqual(await texts(store, key), ["a"], "getMessages");
  });

  it("setMessages replaces all, and an empty list ends the conversation", async ({ store, other, key }) => {
    await store.setMessages(key, messages(3, "old"));
    await other.setMessages(key, messages(2, "new"));
    checkEqual(await texts(store, key), ["new0", "new1"], "after the second set");
    await store.addMessage(key, message("more"));
    checkEqual(await texts(other, key), ["new0", "new1", "more"], "after an append");
    await other.setMessages(key, []);
    checkEqual(await texts(store, key), [], "after an empty set");
    checkEqual(await store.getKeys({ prefix: key }), [], "getKeys");
  });

  it("an insert goes before its index, from the beginning to the end", async ({ store, other, key }) => {
    await store.addMessage(key, message("c"), { index: 0 });
    await store.addMessage(key, message("a"), { index: 0 });
    await other.addMessage(key, message("b"), { index: 1 });
    await store.addMessage(key, message("d"), { index: 3 });
    checkEqual(await texts(store, key), ["a", "b", "c", "d"], "getMessages");
    checkEqual(await store.countMessages(key), 4, "countMessages");
  });

  it("deleteMessage removes the one at its index and answers it", async ({ store, other, key }) => {
    await store.setMessages(key, messages(5));
    checkEqual((await store.deleteMessage(key, 1))?.content, "m1", "from the middle");
    checkEqual((await other.deleteMessage(key, 0))?.content, "m0", "the first");
    checkEqual((await store.deleteMessage(key, 2))?.content, "m4", "the last");
    checkEqual(await store.deleteMessage(key, 2), undefined, "just beyond the end");
    checkEqual(await store.deleteMessage(key, 1_000_000), undefined, "far beyond the end");
    checkEqual(await texts(other, key), ["m2", "m3"], "what is left, in its order");
    await store.addMessage(key, message("after"));
    checkEqual(await texts(store, key), ["m2", "m3", "after"], "after an append");
  });

  it("deleteLastMessage removes the newest and answers it", async ({ store, other, key }) => {
    await store.setMessages(key, messages(3));
    checkEqual((await other.deleteLastMessage(key))?.content, "m2", "the first time");
    checkEqual((await store.deleteLastMessage(key))?.content, "m1", "the second time");
    await store.addMessage(key, message("new"));
    checkEqual(await texts(store, key), ["m0", "new"], "after an append");
  });

  for (const [title, end] of [
    ["deleteLastMessage", (store, key) => store.deleteLastMessage(key)],
    ["deleteMessage", (store, key) => store.deleteMessage(key, 0)],
    ["deleteMessages", (store, key) => store.deleteMessages(key)],
    ["trimMessages", (store, key) => store.trimMessages(key, 0)],
    ["setMessages", (store, key) => store.setMessages(key, [])],
  ] satisfies [string, (store: import("@chatkeep/chat-store-core").ChatStore, key: string) => Promise<unknown>][]) {
    it(`a key ends with its last message, by ${title}, and begins anew`, async ({ store, other, key }) => {
      await store.addMessage(key, message("only"));
      checkEqual(await other.getKeys({ prefix: key }), [key], "getKeys with a message");
      await end(store, key);
      checkEqual(await other.getKeys({ prefix: key }), [], "getKeys without");
      checkEqual(await other.countMessages(key), 0, "countMessages without");
      checkEqual(await texts(other, key), [], "getMessages without");
      await other.addMessages(key, messages(2, "new"));
      checkEqual(await texts(store, key), ["new0", "new1"], "after an append");
      checkEqual(await store.getKeys({ prefix: key }), [key], "getKeys after an append");
    });
  }

  it("conversations do not touch each other", async ({ store, key, newKey }) => {
    const second = newKey();
    await store.setMessages(key, messages(3, "a"));
    await store.setMessages(second, messages(2, "b"));
    await store.deleteMessage(key, 0);
    await store.deleteLastMessage(second);
    await store.deleteMessages(key);
    checkEqual(await texts(store, key), [], "the first");
    checkEqual(await texts(store, second), ["b0"], "the second");
  });

  it("many calls that are not waited for all take effect", async ({ store, key }) => {
    await Promise.all(messages(30).map((each) => store.addMessage(key, each)));
    const read = await texts(store, key);
    checkEqual(
      [...read].sort(),
      messages(30)
        .map(({ content }) => content)
        .sort(),
      "all messages",
    );
    check(new Set(read).size === 30, "A message stands there twice.");
  });
};
