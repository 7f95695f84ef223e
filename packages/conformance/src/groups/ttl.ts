import type { ChatStore } from "@chatkeep/chat-store-core";
import { checkEqual } from "../assert.js";
import type { CaseContext, Group } from "../case.js";
import { message, messages } from "../samples.js";
import { texts } from "./reading.js";

const needs = { needs: "ttl" } as const;

const writes: readonly [string, (store: ChatStore, key: string) => Promise<unknown>][] = [
  ["addMessage", (s, k) => s.addMessage(k, message("new"))],
  ["addMessage with index", (s, k) => s.addMessage(k, message("new"), { index: 0 })],
  ["addMessages", (s, k) => s.addMessages(k, messages(2, "new"))],
  ["setMessages", (s, k) => s.setMessages(k, messages(2, "new"))],
  ["deleteMessage", (s, k) => s.deleteMessage(k, 0)],
  ["deleteLastMessage", (s, k) => s.deleteLastMessage(k)],
  ["replaceMessage", (s, k) => s.replaceMessage(k, 0, message("new"))],
  ["trimMessages", (s, k) => s.trimMessages(k, 2)],
];

/** A time to live that is long beside the time that calls take, where time has to be waited for. */
function times({ subject, space }: CaseContext): { ttlSeconds: number; most: number; beyond: number } {
  const granularity = subject.ttlGranularitySeconds ?? 1;
  const ttlSeconds = space.advanceTime === undefined ? Math.max(2, granularity) : 60;
  return { ttlSeconds, most: ttlSeconds * 600, beyond: ttlSeconds * 500 + granularity * 1_000 };
}

export const ttl: Group = (it) => {
  it("an expired conversation is gone for every read at once", needs, async (context) => {
    const { key, other, connect, passTime } = context;
    const { ttlSeconds, most, beyond } = times(context);
    const store = await connect({ ttlSeconds });
    await store.setMessages(key, messages(5));
    const { before } = await store.getPage(key, { limit: 2 });
    await passTime(most);
    checkEqual(await store.countMessages(key), 5, "countMessages before its time");
    await passTime(beyond);
    for (const client of [store, other]) {
      checkEqual(await client.countMessages(key), 0, "countMessages");
      checkEqual(await client.getPage(key, { limit: 5 }), { messages: [] }, "getPage");
      checkEqual(await client.getPage(key, { limit: 5, from: "oldest" }), { messages: [] }, "the oldest page");
      checkEqual(await texts(client, key), [], "getMessages");
      checkEqual(await client.getKeys({ prefix: key }), [], "getKeys");
      const page = await client.getPage(key, { limit: 2, before }).catch((error: unknown) => error);
      checkEqual(page instanceof Error && "code" in page && page.code, "CONFLICT", "a cursor");
    }
    checkEqual(await store.deleteLastMessage(key), undefined, "deleteLastMessage");
    checkEqual(await store.deleteMessage(key, 0), undefined, "deleteMessage");
    checkEqual(await store.replaceMessage(key, 0, message("x")), undefined, "replaceMessage");
    checkEqual(await store.trimMessages(key, 0), 0, "trimMessages");
  });

  it("a key that comes back after it expired has nothing of the old", needs, async (context) => {
    const { newKey, connect, passTime } = context;
    const { ttlSeconds, most, beyond } = times(context);
    const store = await connect({ ttlSeconds });
    const [appended, batch, inserted] = [newKey(), newKey(), newKey()];
    for (const key of [appended, batch, inserted]) await store.setMessages(key, messages(5));
    await passTime(most + beyond);
    await store.addMessage(appended, message("new"));
    await store.addMessages(batch, messages(2, "new"));
    await store.addMessage(inserted, message("new"), { index: 0 });
    checkEqual(await texts(store, appended), ["new"], "after an append");
    checkEqual(await texts(store, batch), ["new0", "new1"], "after a batch");
    checkEqual(await texts(store, inserted), ["new"], "after an insert");
  });

  for (const [title, write] of writes) {
    it(`${title} keeps the whole conversation for another while`, needs, async (context) => {
      const { key, connect, passTime } = context;
      const { ttlSeconds, most, beyond } = times(context);
      const store = await connect({ ttlSeconds });
      await store.setMessages(key, messages(5));
      await passTime(most);
      await write(store, key);
      const after = await texts(store, key);
      await passTime(most);
      checkEqual(await texts(store, key), after, "the conversation, its older part too");
      await passTime(beyond);
      checkEqual(await texts(store, key), [], "the conversation after its time");
    });
  }

  it("reads do not keep it, nor what finds nothing to change", needs, async (context) => {
    const { key, connect, passTime } = context;
    const { ttlSeconds, most, beyond } = times(context);
    const store = await connect({ ttlSeconds });
    await store.setMessages(key, messages(5));
    await passTime(most);
    await store.getMessages(key);
    await store.getPage(key, { limit: 2 });
    await store.getPage(key, { limit: 2, from: "oldest" });
    await store.countMessages(key);
    await store.getKeys({ prefix: key });
    await store.deleteMessage(key, 5, { operationId: "finds nothing" });
    await store.replaceMessage(key, 5, message("x"));
    await store.trimMessages(key, 5, { operationId: "trims nothing" });
    await passTime(beyond);
    checkEqual(await texts(store, key), [], "the conversation after its time");
  });

  it("without ttlSeconds nothing expires", needs, async (context) => {
    const { key, connect, passTime } = context;
    const { most, beyond } = times(context);
    const store = await connect();
    await store.setMessages(key, messages(2));
    await passTime(most + beyond);
    checkEqual(await texts(store, key), ["m0", "m1"], "the conversation");
  });
};
