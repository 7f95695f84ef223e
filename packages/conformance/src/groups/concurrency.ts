import type { ChatStore } from "@chatkeep/chat-store-core";
import { check, checkEqual } from "../assert.js";
import type { Group } from "../case.js";
import { checkHistory } from "../checker/check-history.js";
import type { Call } from "../checker/history.js";
import { record } from "../checker/recorder.js";
import { assertLinearizable } from "../checker/result.js";
import { runWorkload } from "../checker/workload.js";
import { message, messages } from "../samples.js";
import { pageTexts, texts } from "./reading.js";

export const concurrency: Group = (it, { level }) => {
  it("50 appends at once from two clients are all kept, and read by all in one order", async ({
    store,
    other,
    key,
  }) => {
    const clients = [store, other];
    await Promise.all(messages(50).map((each, i) => clients[i % 2]?.addMessage(key, each)));
    const read = await texts(store, key);
    checkEqual(
      [...read].sort(),
      messages(50)
        .map(({ content }) => content)
        .sort(),
      "all messages",
    );
    checkEqual(await texts(other, key), read, "the order that the other client reads");
    checkEqual(await pageTexts(store, key, 7), read, "the order in pages");
  });

  it("the first messages of a new key, sent at once, are all kept", async ({ store, other, newKey }) => {
    for (let round = 0; round < 10; round++) {
      const key = newKey();
      await Promise.all([store, other, store, other].map((client, i) => client.addMessage(key, message(`m${i}`))));
      checkEqual((await texts(store, key)).sort(), ["m0", "m1", "m2", "m3"], "all messages");
    }
  });

  it("batches stay together", async ({ store, other, key }) => {
    const clients = [store, other];
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => clients[i % 2]?.addMessages(key, messages(8, `batch${i}-`))),
    );
    const read = await texts(store, key);
    check(read.length === 96, `There are ${read.length} messages, not 96.`);
    for (let i = 0; i < read.length; i += 8) {
      const prefix = String(read[i]).replace(/\d+$/, "");
      checkEqual(
        read.slice(i, i + 8),
        messages(8, prefix).map(({ content }) => content),
        `the batch at ${i}`,
      );
    }
  });

  it("readers during a replacement see the old history or the new one", async ({ store, other, key }) => {
    const sets = Array.from({ length: 6 }, (_, i) => messages(40 + i, `set${i}-`));
    await store.setMessages(key, sets[0] ?? []);
    let writing = true;
    const reader = async () => {
      while (writing) {
        const read = await texts(other, key);
        const prefix = String(read[0]).replace(/\d+$/, "");
        checkEqual(
          read,
          messages(40 + Number(prefix.slice(3, -1)), prefix).map(({ content }) => content),
          "what was read",
        );
        const page = await other.getPage(key, { limit: 5 });
        check(
          new Set(page.messages.map(({ content }) => String(content).replace(/\d+$/, ""))).size === 1,
          "A page is of two histories.",
        );
        await new Promise((resolve) => setTimeout(resolve));
      }
    };
    const seen = Promise.allSettled([reader()]);
    try {
      for (const set of sets) await store.setMessages(key, set);
    } finally {
      writing = false;
    }
    const [result] = await seen;
    if (result.status === "rejected") throw result.reason;
  });

  it("20 pops at once answer 20 different messages", async ({ store, other, key }) => {
    await store.setMessages(key, messages(25));
    const clients = [store, other];
    const popped = await Promise.all(Array.from({ length: 20 }, (_, i) => clients[i % 2]?.deleteLastMessage(key)));
    checkEqual(
      popped.map((each) => each?.content).sort(),
      messages(25)
        .slice(5)
        .map(({ content }) => content)
        .sort(),
      "what was popped",
    );
    checkEqual(await texts(store, key), ["m0", "m1", "m2", "m3", "m4"], "what is left");
  });

  it("20 deletes of the first message at once answer 20 different messages", async ({ store, other, key }) => {
    await store.setMessages(key, messages(25));
    const clients = [store, other];
    const deleted = await Promise.all(Array.from({ length: 20 }, (_, i) => clients[i % 2]?.deleteMessage(key, 0)));
    checkEqual(
      deleted.map((each) => each?.content).sort(),
      messages(20)
        .map(({ content }) => content)
        .sort(),
      "what was deleted",
    );
    checkEqual(
      await texts(store, key),
      messages(25)
        .slice(20)
        .map(({ content }) => content),
      "what is left",
    );
  });

  const seeds = level === "full" ? 40 : 6;
  it("whatever two clients do at once looks as if done one after another", async ({ store, other, newKey }) => {
    for (let seed = 1; seed <= seeds; seed++) {
      const calls: Call[] = [];
      const clients = [store, other].map(
        (client: ChatStore, i) => record(client, { client: `client ${i}`, calls }).store,
      );
      await runWorkload(clients, { seed, keys: [newKey(), newKey()], operations: 80, concurrency: 3 });
      assertLinearizable(checkHistory(calls));
    }
  });
};
