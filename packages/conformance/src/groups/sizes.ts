import { check, checkEqual } from "../assert.js";
import type { Group, Run } from "../case.js";
import { message, messages } from "../samples.js";
import { pageTexts, texts } from "./reading.js";

const mebibyte = 1024 * 1024;

export const sizes: Group = (it, { level, subject }) => {
  const largest = subject.largestMessageBytes ?? mebibyte;
  const lengths =
    level === "full"
      ? [1, 100, 4_096, 32_000, 65_536, 100_000, 400_000, 1_000_000, largest]
      : [1, 4_096, 65_536, 400_000, largest];

  for (const bytes of lengths) {
    const body: Run = async ({ store, other, key }) => {
      for (const [kind, text] of [
        ["ASCII", "a".repeat(bytes)],
        ["three bytes a character", "好".repeat(Math.ceil(bytes / 3))],
        ["four bytes a character", "😀".repeat(Math.ceil(bytes / 4))],
        ["escaped in JSON", '"\\\n'.repeat(Math.ceil(bytes / 6))],
      ] as const) {
        await store.setMessages(key, [message("before"), message(text)]);
        await store.addMessage(key, message(text));
        await store.addMessage(key, message("after"));
        const read = await texts(other, key);
        check(
          read.length === 4 && read[0] === "before" && read[3] === "after",
          `${kind}: the messages around it are not as written.`,
        );
        check(read[1] === text && read[2] === text, `${kind}: it is not as written.`);
        checkEqual((await other.deleteMessage(key, 1))?.content === text, true, `${kind}: deleted and answered`);
        checkEqual(
          (await other.getPage(key, { limit: 2 })).messages[0]?.content === text,
          true,
          `${kind}: read in a page`,
        );
      }
      await store.deleteMessages(key);
    };
    const title = `a message of ${bytes} bytes`;
    if (bytes > 100_000) it(title, { needs: "largeMessages" }, body);
    else it(title, body);
  }

  it("several of the largest messages in one call", { needs: "largeMessages" }, async ({ store, other, key }) => {
    const batch = ["a", "b", "c"].map((letter) => message(letter.repeat(largest)));
    await store.addMessages(key, batch);
    await store.setMessages(key, [...batch, message("end")]);
    const read = await texts(other, key);
    check(read.length === 4 && batch.every(({ content }, i) => read[i] === content), "They are not as written.");
    await store.deleteMessages(key);
  });

  const counts = level === "full" ? [99, 100, 101, 1_000, 10_000] : [101, 1_000];
  for (const count of counts) {
    it(`${count} messages set, appended, read and forgotten`, { needs: "largeHistories" }, async ({
      store,
      other,
      key,
    }) => {
      const expected = messages(count).map(({ content }) => content);
      await store.setMessages(key, messages(count));
      checkEqual(await texts(other, key), expected, "set");
      await store.addMessages(key, messages(count));
      checkEqual(await texts(other, key), [...expected, ...expected], "appended");
      checkEqual(await other.countMessages(key), 2 * count, "countMessages");
      checkEqual(await pageTexts(other, key, 250), [...expected, ...expected], "read in pages");
      await other.setMessages(key, messages(count, "new"));
      checkEqual(await store.countMessages(key), count, "countMessages after a second set");
      checkEqual(await store.trimMessages(key, 3), count - 3, "trimMessages");
      checkEqual(
        await texts(other, key),
        messages(count, "new")
          .slice(-3)
          .map(({ content }) => content),
        "trimmed",
      );
      await other.deleteMessages(key);
      checkEqual(await store.countMessages(key), 0, "forgotten");
    });
  }

  it("a history larger than any page of a service", { needs: "largeHistories" }, async ({ store, other, key }) => {
    const text = "x".repeat(20_000);
    const count = level === "full" ? 1_000 : 150;
    await store.setMessages(key, messages(count, text));
    await store.addMessages(key, messages(count, text));
    const expected = [...messages(count, text), ...messages(count, text)].map(({ content }) => content);
    const read = await texts(other, key);
    check(read.length === expected.length && read.every((each, i) => each === expected[i]), "It is not as written.");
    await store.deleteMessages(key);
  });
};
