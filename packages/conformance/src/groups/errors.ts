import type { ChatStore } from "@chatkeep/chat-store-core";
import { check, checkEqual, contentMarker, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { message, wrong } from "../samples.js";
import { texts } from "./reading.js";

const nested = (depth: number): unknown =>
  depth === 0 ? contentMarker : { [contentMarker.slice(0, 3)]: nested(depth - 1) };

const cyclic: Record<string, unknown> = { text: contentMarker };
cyclic.self = cyclic;

/** What no JSON can hold, or no message may be, beside text that the error must not repeat. */
const badMessages: readonly [string, unknown, string][] = [
  ["a BigInt", { content: contentMarker, additionalKwargs: { deep: [{ n: 5n }] } }, "additionalKwargs.deep[0].n"],
  ["NaN", { content: contentMarker, additionalKwargs: { n: Number.NaN } }, "additionalKwargs.n"],
  ["Infinity", { content: contentMarker, additionalKwargs: { n: Number.POSITIVE_INFINITY } }, "additionalKwargs.n"],
  ["a function", { content: contentMarker, additionalKwargs: { f: () => contentMarker } }, "additionalKwargs.f"],
  ["a symbol", { content: contentMarker, additionalKwargs: { s: Symbol(contentMarker) } }, "additionalKwargs.s"],
  ["undefined in a list", { content: contentMarker, additionalKwargs: { l: [undefined] } }, "additionalKwargs.l[0]"],
  ["a cycle", { content: contentMarker, additionalKwargs: cyclic }, "additionalKwargs.self"],
  ["too much depth", { content: contentMarker, additionalKwargs: { deep: nested(300) } }, "additionalKwargs.deep"],
  [
    "an invalid date",
    { content: contentMarker, additionalKwargs: { at: new Date(Number.NaN) } },
    "additionalKwargs.at",
  ],
  ["a Map", { content: contentMarker, additionalKwargs: { m: new Map([[contentMarker, 1]]) } }, "additionalKwargs.m"],
  [
    "bytes where JSON is meant",
    { content: contentMarker, additionalKwargs: { b: new Uint8Array(3) } },
    "additionalKwargs.b",
  ],
  ["a role that is none", { role: "robot", content: contentMarker }, "role"],
  ["no content", { role: "user" }, "content"],
  ["content that is a number", { content: 5 }, "content"],
  ["a block of no known type", { content: [{ type: "hologram", text: contentMarker }] }, "content[0].type"],
  ["a text block without text", { content: [{ type: "text" }] }, "content[0].text"],
  ["an id that is no text", { content: contentMarker, id: 5 }, "id"],
  ["a member that would be lost", { content: contentMarker, createdAt: contentMarker }, "createdAt"],
  [
    "a block's member that would be lost",
    { content: [{ type: "text", text: contentMarker, color: "red" }] },
    "content[0].color",
  ],
];

export const errors: Group = (it, { subject }) => {
  const { secrets } = subject;

  for (const [title, bad, path] of badMessages) {
    it(`refuses a message with ${title}, names the place and repeats nothing`, async ({ store, key }) => {
      await store.addMessage(key, message("kept"));
      const input = wrong(bad);
      for (const call of [
        () => store.addMessage(key, input),
        () => store.addMessage(key, input, { index: 0 }),
        () => store.replaceMessage(key, 0, input),
        () => store.addMessages(key, [message("a"), input]),
        () => store.setMessages(key, [message("a"), input]),
      ]) {
        const error = await rejection(call(), "INVALID_MESSAGE", secrets);
        check(error.message.includes(path), `The error does not name ${path}: ${error.message}`);
      }
      checkEqual(await texts(store, key), ["kept"], "the history");
    });
  }

  it("refuses what is no message and no list of messages", async ({ store, key }) => {
    for (const bad of [undefined, null, "text", 5, []]) {
      await rejection(store.addMessage(key, wrong(bad)), "INVALID_MESSAGE", secrets);
      await rejection(store.setMessages(key, [wrong(bad)]), "INVALID_MESSAGE", secrets);
    }
    for (const bad of [undefined, null, "text", { length: 1 }]) {
      await rejection(store.addMessages(key, wrong(bad)), "INVALID_ARGUMENT", secrets);
      await rejection(store.setMessages(key, wrong(bad)), "INVALID_ARGUMENT", secrets);
    }
    checkEqual(await store.getKeys({ prefix: key }), [], "getKeys");
  });

  it("a bad message in the middle of a batch keeps the whole batch out", async ({ store, key }) => {
    const batch = [message("a"), { content: contentMarker, additionalKwargs: { n: Number.NaN } }, message("b")];
    const error = await rejection(store.addMessages(key, batch), "INVALID_MESSAGE", secrets);
    check(error.message.includes("messages[1]"), `The error does not name the message: ${error.message}`);
    checkEqual(await texts(store, key), [], "the history");
  });

  const shown = (store: ChatStore) => [JSON.stringify({ store }), ...Object.entries(store).map(String)].join("\n");

  it("shows no credentials or addresses as JSON or in an inspection", async ({ store, key }) => {
    await store.addMessage(key, message("x"));
    for (const secret of secrets ?? []) check(!shown(store).includes(secret), "It shows a secret.");
  });

  it("shows no content as JSON or in an inspection", { needs: "opaqueJson" }, async ({ store, key }) => {
    await store.addMessage(key, message(contentMarker));
    check(!shown(store).includes(contentMarker), "It shows content.");
  });

  it("refusals are answered by a promise, never thrown at once", async ({ store }) => {
    for (const call of [
      () => store.addMessage("", message("x")),
      () => store.getMessages(wrong(5)),
      () => store.deleteMessage("k", -1),
      () => store.getPage("k", { limit: 0 }),
      () => store.trimMessages("k", -1),
      () => store.setMessages("k", wrong(5)),
    ]) {
      let promise: Promise<unknown>;
      try {
        promise = call();
      } catch {
        throw new Error("A refusal was thrown instead of answered.");
      }
      const error = await promise.catch((reason: unknown) => reason);
      check(error instanceof Error, "It was not refused.");
    }
  });
};
