import type { ChatMessage, ChatMessageInput } from "@chatkeep/chat-store-core";
import { checkEqual } from "../assert.js";
import type { CaseContext, Group } from "../case.js";
import { sampleMessages } from "../samples.js";

export const roundTrips: Group = (it, { subject }) => {
  const extraMembers = subject.lacks?.extraMembers === undefined;

  for (const [name, sample] of sampleMessages({ extraMembers: true })) {
    const title = `what goes in comes out: ${name}`;
    const body = async ({ store, other, key }: CaseContext) => {
      await store.addMessage(key, sample);
      checkEqual(await other.getMessages(key), [sample], "appended and read by another client");
      await store.replaceMessage(key, 0, sample);
      checkEqual((await store.getPage(key, { limit: 1 })).messages, [sample], "edited and read as a page");
      checkEqual(await other.deleteLastMessage(key), sample, "popped");
    };
    if (sampleMessages({ extraMembers: false }).has(name)) it(title, body);
    else it(title, { needs: "extraMembers" }, body);
  }

  it("all of them in one conversation, in order", async ({ store, other, key }) => {
    const all = [...sampleMessages({ extraMembers }).values()];
    await store.setMessages(key, all);
    checkEqual(await other.getMessages(key), all, "set and read");
    await other.addMessages(key, all);
    checkEqual(await store.getMessages(key), [...all, ...all], "appended and read");
  });

  it("looser input is stored in normal form", async ({ store, key }) => {
    const input: ChatMessageInput[] = [
      { content: "no role" },
      { content: [{ type: "text", text: "one block" }] },
      { content: [{ type: "image", image: new Uint8Array([104, 105]) }] },
      { content: "dates", additionalKwargs: { at: new Date(0), nothing: undefined } },
      { content: "empty kwargs", additionalKwargs: {} },
    ];
    await store.setMessages(key, input);
    const expected: ChatMessage[] = [
      { role: "user", content: "no role" },
      { role: "user", content: "one block" },
      { role: "user", content: [{ type: "image", image: "aGk=" }] },
      { role: "user", content: "dates", additionalKwargs: { at: "1970-01-01T00:00:00.000Z" } },
      { role: "user", content: "empty kwargs" },
    ];
    checkEqual(await store.getMessages(key), expected, "getMessages");
  });

  it("what the caller passed in is not the store's own", async ({ store, key }) => {
    const input = {
      role: "user" as const,
      content: [
        { type: "text" as const, text: "a" },
        { type: "text" as const, text: "b" },
      ],
      additionalKwargs: { list: [1] },
    };
    const batch = [input];
    await store.addMessages(key, batch);
    await store.addMessage(key, input);
    input.content.pop();
    input.additionalKwargs.list.push(2);
    batch.pop();
    const expected = {
      role: "user",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      additionalKwargs: { list: [1] },
    };
    checkEqual(await store.getMessages(key), [expected, expected], "after the caller changed its objects");
  });

  it("a call that is under way does not see what the caller changes meanwhile", async ({ store, key }) => {
    const kwargs = { list: [1] };
    const batch: ChatMessageInput[] = [{ content: "a", additionalKwargs: kwargs }];
    const writing = store.addMessages(key, batch);
    kwargs.list.push(2);
    batch.push({ content: "b" });
    await writing;
    checkEqual(
      await store.getMessages(key),
      [{ role: "user", content: "a", additionalKwargs: { list: [1] } }],
      "getMessages",
    );
  });

  it("what the caller gets back is not the store's own", async ({ store, key }) => {
    await store.setMessages(key, [{ content: "a", additionalKwargs: { list: [1] } }, { content: "b" }]);
    const expected = [
      { role: "user", content: "a", additionalKwargs: { list: [1] } },
      { role: "user", content: "b" },
    ];
    for (const read of [await store.getMessages(key), (await store.getPage(key, { limit: 9 })).messages]) {
      const [first] = read;
      if (first?.additionalKwargs !== undefined) first.additionalKwargs.list = "changed";
      if (first !== undefined) first.content = "changed";
      read.pop();
      checkEqual(await store.getMessages(key), expected, "after the caller changed what it had read");
    }
    const keys = await store.getKeys({ prefix: key });
    keys.push("another");
    checkEqual(await store.getKeys({ prefix: key }), [key], "after the caller changed the list of keys");
  });
};
