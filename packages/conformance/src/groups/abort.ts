import type { ChatStore, ReadOptions } from "@chatkeep/chat-store-core";
import { check, checkClean, checkEqual, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { message, messages } from "../samples.js";
import { texts } from "./reading.js";

const writes: readonly [string, (store: ChatStore, key: string, options: ReadOptions) => Promise<unknown>][] = [
  ["addMessage", (s, k, o) => s.addMessage(k, message("new"), o)],
  ["addMessages", (s, k, o) => s.addMessages(k, messages(50, "new"), o)],
  ["setMessages", (s, k, o) => s.setMessages(k, messages(50, "new"), o)],
  ["deleteMessages", (s, k, o) => s.deleteMessages(k, o)],
  ["deleteMessage", (s, k, o) => s.deleteMessage(k, 1, o)],
  ["deleteLastMessage", (s, k, o) => s.deleteLastMessage(k, o)],
  ["replaceMessage", (s, k, o) => s.replaceMessage(k, 1, message("new"), o)],
  ["trimMessages", (s, k, o) => s.trimMessages(k, 2, o)],
];

const reads: readonly [string, (store: ChatStore, key: string, options: ReadOptions) => Promise<unknown>][] = [
  ["getMessages", (s, k, o) => s.getMessages(k, o)],
  ["getPage", (s, k, o) => s.getPage(k, { limit: 2, ...o })],
  ["countMessages", (s, k, o) => s.countMessages(k, o)],
  ["getKeys", (s, _k, o) => s.getKeys(o)],
];

export const abort: Group = (it, { subject }) => {
  const { secrets } = subject;

  for (const [title, write] of writes) {
    it(`${title} aborted beforehand does nothing`, async ({ store, key }) => {
      await store.setMessages(key, messages(5));
      const error = await rejection(write(store, key, { signal: AbortSignal.abort() }), "ABORTED", secrets);
      checkEqual(error.outcome, "not-applied", "the outcome");
      checkEqual(await texts(store, key), ["m0", "m1", "m2", "m3", "m4"], "the history");
    });

    it(`${title} aborted while it is under way is done, or says what is known`, async ({ store, other, newKey }) => {
      const done = newKey();
      await store.setMessages(done, messages(5));
      await write(store, done, {});
      const after = await texts(store, done);
      for (const wait of [
        () => Promise.resolve(),
        () => new Promise((resolve) => setTimeout(resolve)),
        () => new Promise((resolve) => setTimeout(resolve, 1)),
      ]) {
        const key = newKey();
        await store.setMessages(key, messages(5));
        const controller = new AbortController();
        const writing = write(store, key, { signal: controller.signal }).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        await wait();
        controller.abort();
        const error = await writing;
        const read = await texts(other, key);
        if (error === undefined) checkEqual(read, after, "the history after the call was answered");
        else {
          check(
            error instanceof Error && "code" in error && error.code === "ABORTED" && "outcome" in error,
            "It was not refused as aborted.",
          );
          checkClean(error, secrets ?? []);
          if (error.outcome === "not-applied")
            checkEqual(
              read,
              messages(5).map(({ content }) => content),
              "the history of a write that was not applied",
            );
          else checkEqual(error.outcome, "unknown", "the outcome");
          // It may still be on its way; whole or not at all is all that can be said.
          if (read.length !== 5) checkEqual(read, after, "the history");
        }
      }
    });
  }

  for (const [title, read] of reads) {
    it(`${title} aborted beforehand is refused`, async ({ store, key }) => {
      const error = await rejection(read(store, key, { signal: AbortSignal.abort("a reason") }), "ABORTED", secrets);
      checkEqual(error.outcome, undefined, "the outcome of a read");
    });
  }

  it("a signal that aborts afterwards changes nothing", async ({ store, key }) => {
    const controller = new AbortController();
    await store.addMessage(key, message("a"), { signal: controller.signal });
    const read = await store.getMessages(key, { signal: controller.signal });
    controller.abort();
    checkEqual(read.length, 1, "what was read");
    await store.addMessage(key, message("b"));
    checkEqual(await texts(store, key), ["a", "b"], "the history");
  });

  it("no listener stays on a signal that lives long", async ({ store, key }) => {
    const { signal } = new AbortController();
    let listeners = 0;
    const counting = {
      get aborted() {
        return signal.aborted;
      },
      addEventListener: (type: "abort", listener: () => void) => {
        listeners++;
        signal.addEventListener(type, listener);
      },
      removeEventListener: (type: "abort", listener: () => void) => {
        listeners--;
        signal.removeEventListener(type, listener);
      },
    };
    for (let i = 0; i < 10; i++) {
      await store.addMessage(key, message("a"), { signal: counting });
      await store.getMessages(key, { signal: counting });
    }
    // Removed by the end of the turn in which a call was answered.
    await new Promise((resolve) => setTimeout(resolve));
    check(listeners <= 0, `${listeners} listeners stayed after 20 calls.`);
  });
};
