import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { type HttpProxy, httpProxy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AzureChatStore, type AzureLayout } from "../src/index.js";
import { asCosmos } from "./support/cosmos.js";
import { subjectOf } from "./support/subject.js";
import { credential, dropTables, newTables } from "./support/tables.js";

// Not Cosmos, but what its documentation says of it: entities in no order, pages of any size, 2 MB, 255 bytes, HTTP 429.

const server = runningServer("azurite");

if (server !== undefined) {
  const proxy = await httpProxy(server.url);
  proxy.always(asCosmos(1, 40));
  afterAll(() => proxy.close());
  const endpoint = through(server.url, proxy);
  // Requests are counted on Table Storage: here pages are cut.
  const lacks = { requestCount: "pages are cut at random places" };
  const subject = subjectOf("chatkeep", endpoint, { serviceMode: "cosmos", lacks });
  const name = `${subject.name}, on what behaves as Cosmos`;
  conformance({ ...subject, name }, { groups: ["operations", "keys", "pages", "editing", "operation ids", "model"] });
}

describe.runIf(server).each<AzureLayout>(["chatkeep", "llamaindex"])("as on Cosmos, layout %s", (layout) => {
  const tables = newTables();
  let proxy: HttpProxy;
  let stores: AzureChatStore[];

  beforeAll(async () => {
    proxy = await httpProxy(server!.url);
    const names = layout === "llamaindex" ? tables : { chatTableName: tables.chatTableName };
    const options = { endpoint: through(server!.url, proxy), credential, layout, ...names };
    stores = [1, 2].map(
      () => new AzureChatStore({ ...options, serviceMode: "cosmos", maxRetries: 20, timeoutMs: 60_000 }),
    );
    await stores[0]?.setup();
    proxy.always(asCosmos(2, 20, 0.1));
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await dropTables(server!.url, tables);
    await proxy.close();
  });

  it("large messages, many of them and long keys, with requests throttled", async () => {
    const [store, other] = stores as [AzureChatStore, AzureChatStore];
    const size = layout === "chatkeep" ? 1024 * 1024 : 300_000;
    for (const key of ["k", "'x' or 1 eq 1".padEnd(512, "'"), "/\\#?%é".repeat(40)]) {
      const messages = [
        ...Array.from({ length: 120 }, (_, i) => ({ content: `m${i}` })),
        ...Array.from({ length: 4 }, (_, i) => ({ content: String(i).repeat(size) })),
      ];
      await store.setMessages(key, messages);
      await Promise.all([store.addMessage(key, { content: "a" }), other.addMessage(key, { content: "b" })]);
      const read = (await other.getMessages(key)).map(({ content }) => content);
      expect(read.slice(0, -2)).toEqual(messages.map(({ content }) => content));
      expect(read.slice(-2).sort()).toEqual(["a", "b"]);
      expect((await other.getPage(key, { limit: 3 })).messages).toHaveLength(3);
      expect(await other.trimMessages(key, 2)).toBe(messages.length);
      expect(await store.countMessages(key)).toBe(2);
      expect(await store.getKeys({ prefix: key.slice(0, 3) })).toEqual([key]);
      await other.deleteMessages(key);
      expect(await store.getKeys()).toEqual([]);
    }
  }, 120_000);
});
