import { randomUUID } from "node:crypto";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { type HttpProxy, type HttpRequest, httpProxy } from "@chatkeep/test-servers";
import { Redis } from "@upstash/redis";
import { Redis as CloudflareRedis } from "@upstash/redis/cloudflare";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { UpstashChatStore, type UpstashClientLike, type UpstashLayout } from "../src/index.js";
import { newClient, runningDatabase } from "./support/database.js";
import { olderClient } from "./support/older-client.js";

const database = runningDatabase();
const layouts: UpstashLayout[] = ["chatkeep", "llamaindex"];

/** What the SDK would take for JSON, or base64, or what is no UTF-8. */
const texts = [
  "123",
  "null",
  "true",
  '"x"',
  "[1]",
  '{"a":1}',
  "007",
  "1e400",
  "OK",
  "",
  "half \ud83d",
  "\u0000",
  "漢🙂é",
];
const message = (content: string) => ({ role: "user" as const, content });

describe.runIf(database)("what @upstash/redis does by itself", () => {
  let proxy: HttpProxy;
  /** Of the requests since the last look. */
  let seen: HttpRequest[] = [];
  const see = (request: HttpRequest) => {
    seen.push(request);
    return undefined;
  };
  const commandsOf = ({ body }: HttpRequest) => JSON.parse(body.toString()) as string[][];
  const direct = (layout: UpstashLayout, keyPrefix: string) =>
    new UpstashChatStore({ redisUrl: database!.url, redisToken: database!.token, layout, keyPrefix });

  beforeAll(async () => {
    proxy = await httpProxy(database!.url);
  });
  afterEach(() => {
    proxy.always(see);
    seen = [];
  });
  afterAll(() => proxy.close());

  const throughProxy = () => ({ url: proxy.url, token: database!.token });

  const clients: Record<string, () => UpstashClientLike> = {
    "with all defaults": () => newClient(throughProxy()),
    "without base64": () => new Redis({ ...throughProxy(), responseEncoding: false }),
    "with nothing on": () =>
      new Redis({
        ...throughProxy(),
        automaticDeserialization: false,
        enableAutoPipelining: false,
        retry: { retries: 0 },
      }),
    "for Cloudflare": () => new CloudflareRedis(throughProxy()),
  };

  describe.each(layouts)("does no harm in the layout %s", (layout) => {
    it.each(Object.keys(clients))("to text, with a client %s", async (name) => {
      const keyPrefix = `${randomUUID()}:`;
      const client = clients[name]?.() as UpstashClientLike;
      const store = new UpstashChatStore({ client, layout, keyPrefix });
      await store.setMessages("null", texts.map(message));
      expect((await store.getMessages("null")).map(({ content }) => content)).toEqual(texts);
      expect((await direct(layout, keyPrefix).getMessages("null")).map(({ content }) => content)).toEqual(texts);
      const page = await store.getPage("null", { limit: 5 });
      expect(page.messages.map(({ content }) => content)).toEqual(texts.slice(-5));
      for (const text of texts) expect(await store.deleteMessage("null", 0)).toEqual(message(text));
      for (const key of ["123", "true", '"quoted"', "[1]"]) await store.addMessage(key, message("x"));
      expect((await store.getKeys()).sort()).toEqual(["123", "true", '"quoted"', "[1]"].sort());
      expect(await store.countMessages("123")).toBe(1);
    });

    it("when calls are not waited for: each is a request of its own, and none is on its way with another", async () => {
      proxy.always(see);
      const store = new UpstashChatStore({ client: newClient(throughProxy()), layout, keyPrefix: `${randomUUID()}:` });
      await Promise.all(Array.from({ length: 20 }, (_, i) => store.addMessage(`k${i}`, message("x"))));
      expect(seen.map((request) => commandsOf(request).length)).toEqual(Array.from({ length: 20 }, () => 1));
    });

    it("when a reply is lost and it sends the write again, also with `retry: false`", async () => {
      for (const more of [{}, { retry: false as const }]) {
        const keyPrefix = `${randomUUID()}:`;
        const client = new Redis({ ...throughProxy(), ...more });
        // The store itself sends nothing twice here.
        const store = new UpstashChatStore({ client, layout, keyPrefix, maxRetries: 0 });
        await store.addMessage("k", message("first"));
        const lost = proxy.next(1, { kind: "reset-after" });
        await store.addMessage("k", message("second"));
        expect(lost.hits).toBe(1);
        expect(await direct(layout, keyPrefix).countMessages("k")).toBe(2);
      }
    });

    it("when its AbortSignal aborts and it takes that for an answer", async () => {
      const keyPrefix = `${randomUUID()}:`;
      const controller = new AbortController();
      const client = new Redis({ ...throughProxy(), signal: controller.signal });
      const store = new UpstashChatStore({ client, layout, keyPrefix });
      proxy.always(() => ({ kind: "black-hole" }));
      const calls = [
        () => store.addMessage("k", message("x")),
        () => store.getMessages("k"),
        () => store.countMessages("k"),
        () => store.deleteLastMessage("k"),
        () => store.getKeys(),
      ].map((call) =>
        call().then(
          () => "done",
          (error: unknown) => error,
        ),
      );
      controller.abort(["done", "-", "", ""]);
      for (const failure of await Promise.all(calls)) {
        expect(isChatStoreError(failure, "UNAVAILABLE") && failure.message).toContain("AbortSignal");
      }
    });
  });

  it("a client of a version that knows no `keepErrors` can be handed in", async () => {
    const before = olderClient(new Redis({ ...throughProxy(), enableAutoPipelining: false }));
    const store = new UpstashChatStore({ client: before, keyPrefix: `${randomUUID()}:` });
    await store.addMessage("k", message("x"));
    expect(await store.getMessages("k")).toEqual([message("x")]);
    proxy.next(1, { kind: "respond", answer: { status: 200, body: '[{"error":"ERR max requests limit exceeded"}]' } });
    await expect(store.getMessages("k")).rejects.toThrow("used up");
  });

  describe("the store's own client", () => {
    const owned = (more: object = {}) =>
      new UpstashChatStore({
        redisUrl: proxy.url,
        redisToken: database!.token,
        keyPrefix: `${randomUUID()}:`,
        ...more,
      });

    it("reads by EVAL only, which no read replica answers, and locks no more than the conversation", async () => {
      proxy.always(see);
      const store = owned();
      await store.setMessages("k", [message("a"), message("b")]);
      for (let i = 0; i < 2; i++) await store.getPage("k", { limit: 1 });
      await store.getMessages("k");
      await store.getPage("k", { limit: 1 });
      await store.getPage("k", { limit: 1, from: "oldest" });
      await store.countMessages("k");
      await store.getKeys();
      expect(seen.length).toBe(9);
      for (const request of seen) {
        const [[name, script] = []] = commandsOf(request);
        expect(name).toBe("eval");
        expect(script).toMatch(/^#!lua flags=allow-key-locking\n/);
      }
    });

    it("tells Upstash nothing of where it runs, unless it is to", async () => {
      proxy.always(see);
      await owned().countMessages("k");
      await owned({ enableTelemetry: true }).countMessages("k");
      const told = seen.map(({ headers }) => Object.keys(headers).filter((name) => name.includes("telemetry")).length);
      expect(told[0]).toBe(0);
      expect(told[1]).toBeGreaterThan(0);
    });

    it("gives a request up when its caller does, and no other", async () => {
      const store = owned();
      const controller = new AbortController();
      const fetches = vi.spyOn(globalThis, "fetch");
      try {
        proxy.always(({ body }) => (body.includes("given up") ? { kind: "black-hole" } : { kind: "delay", ms: 200 }));
        const given = store.addMessage("k", message("given up"), { signal: controller.signal });
        const other = store.addMessage("k", message("other"));
        await vi.waitFor(() => expect(fetches).toHaveBeenCalledTimes(2));
        const aborted = () => fetches.mock.calls.map(([, init]) => init?.signal?.aborted);
        expect(aborted()).toEqual([false, false]);
        controller.abort();
        await expect(given).rejects.toMatchObject({ code: "ABORTED", outcome: "unknown" });
        expect(aborted()).toEqual([true, false]);
        await other;
      } finally {
        fetches.mockRestore();
      }
    });
  });
});
