import { readFile } from "node:fs/promises";
import type { ChatStore } from "@chatkeep/chat-store-core";
import { type HttpProxy, httpProxy, startUpstash, type UpstashServer } from "@chatkeep/test-servers";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UpstashChatStore, type UpstashLayout } from "../src/index.js";
import { runningDatabase } from "./support/database.js";
import { olderClient } from "./support/older-client.js";

const database = runningDatabase();
const layouts: UpstashLayout[] = ["chatkeep", "llamaindex"];
const message = { role: "user" as const, content: "x" };
const messages = (count: number) => Array.from({ length: count }, () => message);

const numbers = (cell: string) => (cell.match(/\d+/g) ?? []).map(Number);

/** By the words of the README's table, on a conversation of 50 messages. */
const operations: Record<string, (store: ChatStore, key: string) => Promise<unknown>> = {
  "append, of one or many": (store, key) => store.addMessages(key, messages(20)),
  "the first append": (store, key) => store.addMessage(`${key}, another`, message),
  "insert by index": (store, key) => store.addMessage(key, message, { index: 5 }),
  "edit by index": (store, key) => store.replaceMessage(key, 5, message),
  "delete by index": (store, key) => store.deleteMessage(key, 5),
  "delete the last": (store, key) => store.deleteLastMessage(key),
  trim: (store, key) => store.trimMessages(key, 30),
  "replace all": (store, key) => store.setMessages(key, messages(20)),
  "newest page": (store, key) => store.getPage(key, { limit: 20 }),
  "oldest page": (store, key) => store.getPage(key, { limit: 20, from: "oldest" }),
  "all messages": (store, key) => store.getMessages(key),
  count: (store, key) => store.countMessages(key),
  "list keys, 1,000": (store) => store.getKeys(),
  "delete the conversation": (store, key) => store.deleteMessages(key),
};

describe.runIf(database?.own)("what operations cost is what the README says", () => {
  let server: UpstashServer;
  let proxy: HttpProxy;
  let admin: Redis;
  let table: Map<string, number[][]>;

  beforeAll(async () => {
    server = await startUpstash();
    proxy = await httpProxy(server.url);
    admin = new Redis({ url: server.url, token: server.token, automaticDeserialization: false });
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const rows = readme.slice(readme.indexOf("\n## Cost\n"), readme.indexOf("\n## Layouts\n")).split("\n");
    table = new Map(
      rows.map((row) => row.split("|")).map(([, name = "", ...cells]) => [name.trim(), cells.map(numbers)]),
    );
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  /** Commands so far, those of scripts too. */
  async function commands(): Promise<number> {
    const text = String(await admin.exec(["INFO", "commandstats"]));
    const calls = [...text.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)];
    return calls.reduce((sum, [, name, count]) => (name === "info" ? sum : sum + Number(count)), 0);
  }

  it.each(layouts)("in the layout %s", async (layout) => {
    const connection = { redisUrl: proxy.url, redisToken: server.token, layout };
    const store = new UpstashChatStore({ ...connection, keyPrefix: `${layout}:` });
    // Until as many operations are remembered as ever will be.
    for (let i = 0; i < 70; i++) await store.addMessage("k", message);
    const which = layouts.indexOf(layout);
    const counted: Record<string, unknown> = {};
    const written: Record<string, unknown> = {};
    for (const [name, apply] of Object.entries(operations)) {
      await store.setMessages("k", messages(50));
      const before = await commands();
      proxy.log.splice(0);
      await apply(store, "k");
      counted[name] = { requests: proxy.log.length, commands: (await commands()) - before };
      const [requests = [], ...cells] = table.get(name) ?? [];
      // Both numbers where the layouts differ.
      written[name] = { requests: requests[which] ?? requests[0], commands: cells[which]?.[0] };
    }
    expect(counted).toEqual(written);
  });

  it.each(["its own client", "an older SDK's"])("a write brings its script along once, with %s", async (which) => {
    const older = olderClient(new Redis({ url: proxy.url, token: server.token }));
    const own = { redisUrl: proxy.url, redisToken: server.token };
    const store = new UpstashChatStore(which === "its own client" ? own : { client: older });
    const append = async () => {
      proxy.log.splice(0);
      await store.addMessage(which, message);
      return proxy.log.map(({ bytes }) => (bytes < 1_000 ? "short" : "long"));
    };
    expect(await append()).toEqual(["long"]);
    expect(await append()).toEqual(["short"]);
    await admin.exec(["SCRIPT", "FLUSH"]);
    expect(await append()).toEqual(["short", "long"]);
    expect(await append()).toEqual(["short"]);
    expect(await store.countMessages(which)).toBe(4);
  });
});
