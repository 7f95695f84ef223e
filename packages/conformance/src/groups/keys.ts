import { check, checkEqual, rejection } from "../assert.js";
import type { Group } from "../case.js";
import { lookAlikes, message, oddKeys, wrong } from "../samples.js";
import { texts } from "./reading.js";

export const keys: Group = (it, { level, subject }) => {
  it("any key keeps its own conversation, and is listed as it is", { needs: "anyKey" }, async ({ newSpace }) => {
    const { store, other } = await newSpace();
    const all = [...new Set(oddKeys)];
    for (const [index, key] of all.entries()) await store.addMessage(key, message(`of ${index}`));
    for (const [index, key] of all.entries()) {
      checkEqual(await texts(other, key), [`of ${index}`], `the conversation of ${JSON.stringify(key)}`);
    }
    checkEqual((await other.getKeys()).sort(), [...all].sort(), "getKeys");
    for (const key of all)
      checkEqual(
        (await other.getKeys({ prefix: key })).sort(),
        all.filter((each) => each.startsWith(key)).sort(),
        `getKeys of prefix ${JSON.stringify(key)}`,
      );
    for (const key of all) await other.deleteMessages(key);
    checkEqual(await store.getKeys(), [], "getKeys after all were forgotten");
  });

  for (const family of lookAlikes) {
    it(`keys that look alike never meet: ${JSON.stringify(family)}`, { needs: "anyKey" }, async ({
      store,
      other,
      key,
    }) => {
      const named = family.map((each) => `${key}${each}`);
      for (const [index, each] of named.entries()) await store.addMessage(each, message(`of ${index}`));
      for (const [index, each] of named.entries())
        checkEqual(await texts(other, each), [`of ${index}`], JSON.stringify(each));
      const [first = ""] = named;
      await other.deleteMessages(first);
      for (const [index, each] of named.entries()) {
        checkEqual(
          await texts(store, each),
          index === 0 ? [] : [`of ${index}`],
          `${JSON.stringify(each)} after ${JSON.stringify(first)} was forgotten`,
        );
      }
    });
  }

  const refused: [string, unknown][] = [
    ["an empty key", ""],
    ["a key of 513 bytes", "k".repeat(513)],
    ["a key of 257 characters and 514 bytes", "é".repeat(257)],
    ["half a surrogate pair", "key\ud83d"],
    ["the other half", "\ude00key"],
    ["no text", 5],
    ["nothing", undefined],
    ["a list", ["key"]],
  ];
  for (const [title, bad] of refused) {
    it(`refuses ${title} as a key`, async ({ store }) => {
      const key: string = wrong(bad);
      const { secrets } = subject;
      await rejection(store.addMessage(key, message("x")), "INVALID_KEY", secrets);
      await rejection(store.addMessage(key, message("x"), { index: 0 }), "INVALID_KEY", secrets);
      await rejection(store.addMessages(key, [message("x")]), "INVALID_KEY", secrets);
      await rejection(store.setMessages(key, []), "INVALID_KEY", secrets);
      await rejection(store.getMessages(key), "INVALID_KEY", secrets);
      await rejection(store.getPage(key, { limit: 1 }), "INVALID_KEY", secrets);
      await rejection(store.countMessages(key), "INVALID_KEY", secrets);
      await rejection(store.deleteMessages(key), "INVALID_KEY", secrets);
      await rejection(store.deleteMessage(key, 0), "INVALID_KEY", secrets);
      await rejection(store.deleteLastMessage(key), "INVALID_KEY", secrets);
      await rejection(store.replaceMessage(key, 0, message("x")), "INVALID_KEY", secrets);
      await rejection(store.trimMessages(key, 0), "INVALID_KEY", secrets);
    });
  }

  it("listing gives each key once, whatever the size of its pages", async ({ newSpace }) => {
    const { store } = await newSpace();
    const count = level === "full" ? 10_000 : 1_000;
    const all = Array.from({ length: count }, (_, i) => `${i % 3 === 0 ? "a" : "b"}/${i}`);
    for (let i = 0; i < count; i += 50) {
      await Promise.all(all.slice(i, i + 50).map((key) => store.addMessage(key, message("x"))));
    }
    for (const pageSize of [7, 100, 1_000]) {
      const listed: string[] = [];
      for await (const key of store.listKeys({ pageSize })) listed.push(key);
      checkEqual(listed.sort(), [...all].sort(), `listKeys with pages of ${pageSize}`);
    }
    checkEqual(
      (await store.getKeys({ prefix: "a/" })).sort(),
      all.filter((key) => key.startsWith("a/")).sort(),
      "a prefix",
    );
    checkEqual(await store.getKeys({ prefix: "c" }), [], "a prefix that no key has");
    for await (const key of store.listKeys({ pageSize: 10 })) {
      check(all.includes(key), "A listing that is left early gives other keys.");
      break;
    }
  });

  it("listing while others write gives every key that is there all the time, once", async ({ newSpace }) => {
    const { store } = await newSpace();
    const lasting = Array.from({ length: 100 }, (_, i) => `lasting ${i}`);
    for (const key of lasting) await store.addMessage(key, message("x"));
    const listed: string[] = [];
    let written = 0;
    for await (const key of store.listKeys({ pageSize: 10 })) {
      listed.push(key);
      if (!key.startsWith("lasting")) continue;
      await store.addMessage(`passing ${written++}`, message("x"));
      await store.addMessage(key, message("y"));
      if (written > 1) await store.deleteMessages(`passing ${written - 2}`);
    }
    check(new Set(listed).size === listed.length, "A key was listed twice.");
    checkEqual(
      listed.filter((key) => key.startsWith("lasting")).sort(),
      [...lasting].sort(),
      "the keys that were there all the time",
    );
  });

  it("refuses bad arguments of listings", async ({ store }) => {
    for (const pageSize of [0, -1, 1.5, 1_001, Number.NaN]) {
      await rejection(store.listKeys({ pageSize })[Symbol.asyncIterator]().next(), "INVALID_ARGUMENT");
    }
    await rejection(store.getKeys({ prefix: wrong(5) }), "INVALID_ARGUMENT");
  });
};
