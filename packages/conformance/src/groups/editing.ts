import { checkEqual, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { message, messages, wrong } from "../samples.js";
import { texts } from "./reading.js";

export const editing: Group = (it) => {
  it("replaceMessage edits in place and answers what was there", async ({ store, other, key }) => {
    await store.setMessages(key, messages(3));
    checkEqual((await store.replaceMessage(key, 1, message("one")))?.content, "m1", "the middle");
    checkEqual((await other.replaceMessage(key, 0, message("zero")))?.content, "m0", "the first");
    checkEqual((await store.replaceMessage(key, 2, message("two")))?.content, "m2", "the last");
    checkEqual((await other.replaceMessage(key, 1, message("ONE")))?.content, "one", "an edited one");
    checkEqual(await store.replaceMessage(key, 3, message("x")), undefined, "beyond the end");
    checkEqual(await texts(other, key), ["zero", "ONE", "two"], "getMessages");
    await other.addMessage(key, message("more"));
    checkEqual(await texts(store, key), ["zero", "ONE", "two", "more"], "after an append");
  });

  it("trimMessages forgets all but the newest and says how many", async ({ store, other, key }) => {
    await store.setMessages(key, messages(10));
    checkEqual(await store.trimMessages(key, 10), 0, "as many as there are");
    checkEqual(await other.trimMessages(key, 99), 0, "more than there are");
    checkEqual(await other.trimMessages(key, 7), 3, "fewer than there are");
    checkEqual(
      await texts(store, key),
      messages(10)
        .slice(3)
        .map(({ content }) => content),
      "getMessages",
    );
    await store.addMessage(key, message("new"));
    checkEqual(await store.trimMessages(key, 2), 6, "after an append");
    checkEqual(await texts(other, key), ["m9", "new"], "getMessages after that");
    checkEqual(await other.trimMessages(key, 0), 2, "all");
    checkEqual(await other.getKeys({ prefix: key }), [], "getKeys after all");
  });

  it("edits, inserts and deletes all over a history leave the rest alone", async ({ store, other, key }) => {
    const expected: unknown[] = messages(40).map(({ content }) => content);
    await store.setMessages(key, messages(40));
    for (let i = 0; i < 60; i++) {
      const index = (i * 17) % expected.length;
      const client = i % 2 === 0 ? store : other;
      if (i % 3 === 0) {
        await client.addMessage(key, message(`i${i}`), { index });
        expected.splice(index, 0, `i${i}`);
      } else if (i % 3 === 1)
        checkEqual((await client.deleteMessage(key, index))?.content, expected.splice(index, 1)[0], `delete ${i}`);
      else
        checkEqual(
          (await client.replaceMessage(key, index, message(`e${i}`)))?.content,
          expected.splice(index, 1, `e${i}`)[0],
          `edit ${i}`,
        );
    }
    checkEqual(await texts(store, key), expected, "getMessages");
    checkEqual(await other.countMessages(key), expected.length, "countMessages");
  });

  it("many inserts at one spot keep their order", async ({ subject, store, connect, key }) => {
    const writer = subject.lacks?.secondClient === undefined ? await connect() : store;
    await writer.setMessages(key, [message("first"), message("last")]);
    for (let i = 0; i < 70; i++) await writer.addMessage(key, message(`i${i}`), { index: 1 });
    const inserted = messages(70, "i").map(({ content }) => content);
    const expected = ["first", ...inserted.reverse(), "last"];
    checkEqual(await texts(writer, key), expected, "getMessages");
    if (writer === store) return;
    // What a store puts in order behind its callers' backs is done when it has been closed.
    await writer.close();
    checkEqual(await texts(store, key), expected, "getMessages of another client when the writer is closed");
  });

  it("refuses positions that are none", async ({ store, key }) => {
    await store.setMessages(key, messages(3));
    for (const index of [-1, -3, Number.MIN_SAFE_INTEGER]) {
      await rejection(store.addMessage(key, message("x"), { index }), "INDEX_OUT_OF_RANGE");
      await rejection(store.deleteMessage(key, index), "INDEX_OUT_OF_RANGE");
      await rejection(store.replaceMessage(key, index, message("x")), "INDEX_OUT_OF_RANGE");
    }
    for (const index of [0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
      await rejection(store.addMessage(key, message("x"), { index: wrong(index) }), "INVALID_ARGUMENT");
      await rejection(store.deleteMessage(key, wrong(index)), "INVALID_ARGUMENT");
      await rejection(store.replaceMessage(key, wrong(index), message("x")), "INVALID_ARGUMENT");
      await rejection(store.trimMessages(key, wrong(index)), "INVALID_ARGUMENT");
    }
    await rejection(store.trimMessages(key, -1), "INVALID_ARGUMENT");
    const beyond = await rejection(store.addMessage(key, message("x"), { index: 4 }), "INDEX_OUT_OF_RANGE");
    checkEqual(beyond.outcome, "not-applied", "the outcome of an insert beyond the end");
    checkEqual(await texts(store, key), ["m0", "m1", "m2"], "after all that");
  });
};
