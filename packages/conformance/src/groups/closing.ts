import { check, checkEqual, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { message } from "../samples.js";
import { texts } from "./reading.js";

export const closing: Group = (it, { subject }) => {
  const { secrets } = subject;

  it("closing twice is closing once", async ({ newSpace }) => {
    const { store } = await newSpace();
    await store.addMessage("k", message("a"));
    await Promise.all([store.close(), store.close()]);
    await store.close();
  });

  it("a store that was never used can be closed", async ({ newSpace }) => {
    await (await newSpace()).store.close();
  });

  it("nothing works after closing, and says so", async ({ newSpace }) => {
    const { store } = await newSpace();
    await store.addMessage("k", message("a"));
    await store.close();
    const error = await rejection(store.addMessage("k", message("b")), "CLOSED", secrets);
    checkEqual(error.outcome, "not-applied", "the outcome of a write");
    await rejection(store.addMessages("k", [message("b")]), "CLOSED", secrets);
    await rejection(store.setMessages("k", []), "CLOSED", secrets);
    await rejection(store.getMessages("k"), "CLOSED", secrets);
    await rejection(store.getPage("k", { limit: 1 }), "CLOSED", secrets);
    await rejection(store.countMessages("k"), "CLOSED", secrets);
    await rejection(store.deleteMessages("k"), "CLOSED", secrets);
    await rejection(store.deleteMessage("k", 0), "CLOSED", secrets);
    await rejection(store.deleteLastMessage("k"), "CLOSED", secrets);
    await rejection(store.replaceMessage("k", 0, message("b")), "CLOSED", secrets);
    await rejection(store.trimMessages("k", 0), "CLOSED", secrets);
    await rejection(store.getKeys(), "CLOSED", secrets);
    await rejection(store.listKeys()[Symbol.asyncIterator]().next(), "CLOSED", secrets);
  });

  it("calls that are under way when it is closed are finished", async ({ newSpace }) => {
    const { store } = await newSpace();
    await store.addMessage("k", message("first"));
    const writing = Array.from({ length: 10 }, (_, i) => store.addMessage("k", message(`m${i}`)));
    const closed = store.close();
    await Promise.all(writing);
    await closed;
  });

  it("it can be disposed of with `await using`", async ({ newSpace }) => {
    const { store } = await newSpace();
    const dispose = Symbol.asyncDispose in store ? store[Symbol.asyncDispose] : undefined;
    check(typeof dispose === "function", "It has no Symbol.asyncDispose.");
    await dispose.call(store);
    await rejection(store.getMessages("k"), "CLOSED", secrets);
  });

  it("closing one client leaves another at work", { needs: "secondClient" }, async ({ newSpace }) => {
    const { store: first, other: second } = await newSpace();
    await first.addMessage("k", message("a"));
    await first.close();
    await second.addMessage("k", message("b"));
    checkEqual(await texts(second, "k"), ["a", "b"], "the history");
  });

  it("a client that was handed in stays open", { needs: "injectedClient" }, async ({ newSpace }) => {
    const { space } = await newSpace();
    check(
      subject.injected !== undefined,
      "The subject has no `injected`. Give it one, or declare injectedClient as lacking.",
    );
    const { store, clientWorks, closeClient } = await subject.injected(space);
    try {
      await store.addMessage("k", message("a"));
      await store.close();
      await rejection(store.getMessages("k"), "CLOSED", secrets);
      check(await clientWorks(), "The client was closed.");
    } finally {
      await closeClient();
    }
  });
};
