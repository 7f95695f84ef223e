import { randomUUID } from "node:crypto";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { type HttpProxy, type HttpRequest, httpProxy, killBetweenRequests, spawnClient } from "@chatkeep/test-servers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UpstashChatStore, type UpstashLayout } from "../src/index.js";
import { runningDatabase } from "./support/database.js";
import { largeMessages } from "./support/large-messages.js";

const database = runningDatabase();
const layouts: UpstashLayout[] = ["chatkeep", "llamaindex"];

/** Of a request: the front refuses what is larger. */
const most = 10_000_000;

const message = (content: string) => ({ role: "user" as const, content });
const beginnings = (read: readonly { content: unknown }[]) => read.map(({ content }) => String(content).slice(0, 10));

describe.runIf(database).each(layouts)("more than a request may hold, layout %s", (layout) => {
  let proxy: HttpProxy;
  let store: UpstashChatStore;
  const keyPrefix = `${randomUUID()}:`;

  beforeAll(async () => {
    proxy = await httpProxy(database!.url);
    store = new UpstashChatStore({ redisUrl: proxy.url, redisToken: database!.token, keyPrefix, layout });
  });
  afterEach(() => void proxy.log.splice(0));
  afterAll(() => proxy.close());

  it("is written in parts that fit and seen at once, and read in parts that fit", async () => {
    const all = largeMessages(6);
    await store.setMessages("k", [message("before")]);
    // A reader in between sees nothing of it.
    const lengths: number[] = [];
    const direct = new UpstashChatStore({ redisUrl: database!.url, redisToken: database!.token, keyPrefix, layout });
    const release = proxy.intercept({
      reply: async () => {
        lengths.push(await direct.countMessages("k"));
        return undefined;
      },
    });
    await store.addMessages("k", all);
    release();
    expect(lengths.slice(0, -1).every((length) => length === 1)).toBe(true);
    expect(lengths.at(-1)).toBe(7);
    expect(lengths.length).toBe(7);

    proxy.log.splice(0);
    expect(beginnings(await store.getMessages("k"))).toEqual(["before", ...beginnings(all)]);
    expect(proxy.log.length).toBeGreaterThan(2);
    expect(beginnings((await store.getPage("k", { limit: 4 })).messages)).toEqual(beginnings(all).slice(-4));
    expect(beginnings((await store.getPage("k", { limit: 4, from: "oldest" })).messages)).toHaveLength(4);
    for (const { bytes, replyBytes = 0 } of proxy.log) {
      expect(bytes).toBeLessThan(most);
      expect(replyBytes).toBeLessThan(most);
    }

    await store.setMessages("k", all.slice(0, 3));
    expect(beginnings(await store.getMessages("k"))).toEqual(beginnings(all).slice(0, 3));
    expect(Math.max(...proxy.log.map(({ bytes }) => bytes))).toBeLessThan(most);
    await store.deleteMessages("k");
  });

  it("holds a message of 4 MB that JSON makes twice as large, and says what is too large", async () => {
    // As JSON text of the message `\"`, and as JSON of that `\\\"`.
    const quotes = message('"'.repeat(2_200_000));
    await store.addMessage("quotes", quotes);
    expect(proxy.log.map(({ bytes }) => bytes > 8_000_000 && bytes < most)).toEqual([true]);
    expect((await store.getMessages("quotes"))[0]?.content).toHaveLength(2_200_000);
    await store.deleteMessages("quotes");
    proxy.log.splice(0);
    const error = await store.addMessage("k", message("x".repeat(4_500_000))).catch((reason: unknown) => reason);
    expect(isChatStoreError(error, "MESSAGE_TOO_LARGE") && error.outcome).toBe("not-applied");
    expect(proxy.log).toEqual([]);
  });

  // The other two are tested where the layouts are.
  const order = layout === "chatkeep" ? "set" : "add";

  it(`${order} is done wholly or not at all when the client is killed between its requests`, async () => {
    const direct = new UpstashChatStore({ redisUrl: database!.url, redisToken: database!.token, keyPrefix, layout });
    const written = beginnings(largeMessages(2));
    const done = order === "set" ? written : ["old", ...written];
    const outcomes = new Set<string>();
    let key = "";
    const points = await killBetweenRequests<HttpRequest>({
      proxy,
      order,
      async start() {
        key = randomUUID();
        await direct.addMessage(key, message("old"));
        const script = new URL("./support/large-client.ts", import.meta.url);
        const client = await spawnClient(script, [proxy.url, database!.token, keyPrefix, layout, key]);
        expect(await client.receive()).toBe("ready");
        return client;
      },
      async check() {
        const read = beginnings(await direct.getMessages(key));
        outcomes.add(JSON.stringify(read));
        await direct.addMessage(key, message("more"));
        expect(beginnings(await direct.getMessages(key))).toEqual([...read, "more"]);
        await direct.deleteMessages(key);
      },
    });
    expect(points.length).toBe(6);
    expect([...outcomes].sort()).toEqual([JSON.stringify(["old"]), JSON.stringify(done)].sort());
  });
});
