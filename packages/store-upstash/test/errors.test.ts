import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { type ChatStoreError, isChatStoreError } from "@chatkeep/chat-store-core";
import {
  freePorts,
  type HttpFault,
  type HttpProxy,
  httpProxy,
  startUpstash,
  type UpstashServer,
} from "@chatkeep/test-servers";
import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UpstashChatStore, type UpstashLayout } from "../src/index.js";
import { badGateway, page, refusal, throttled } from "./support/answers.js";
import { newClient, runningDatabase } from "./support/database.js";

const database = runningDatabase();
const layouts: UpstashLayout[] = ["chatkeep", "llamaindex"];
const content = "content that nobody may see";
const message = { role: "user" as const, content };

async function failure(call: Promise<unknown>): Promise<ChatStoreError> {
  const error = await call.then(
    () => expect.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  if (!isChatStoreError(error)) return expect.fail(String(error));
  expect(inspect(error, { depth: 9 })).not.toContain(content);
  return error;
}

describe.runIf(database)("errors, by what comes back", () => {
  let proxy: HttpProxy;

  beforeAll(async () => {
    proxy = await httpProxy(database!.url);
  });
  afterEach(() => proxy.always(undefined));
  afterAll(() => proxy.close());

  const owned = (more: object = {}) =>
    new UpstashChatStore({ redisUrl: proxy.url, redisToken: database!.token, maxRetries: 0, ...more });
  const injected = () =>
    new UpstashChatStore({ client: newClient({ url: proxy.url, token: database!.token }), maxRetries: 0 });

  // As Upstash documents them; what it says more ("See https://…", "Limit: …") is not looked at.
  const answers: [string, HttpFault, Partial<ChatStoreError>, RegExp, Partial<ChatStoreError>?][] = [
    [
      "the month's requests used up",
      refusal(400, "ERR max requests limit exceeded. Limit: 500000, Usage: 500001."),
      { code: "UNAVAILABLE", outcome: "not-applied" },
      /used up/,
      { outcome: "unknown" },
    ],
    [
      "the day's requests used up",
      refusal(400, "ERR max daily request limit exceeded"),
      { code: "UNAVAILABLE", outcome: "not-applied" },
      /used up/,
      { outcome: "unknown" },
    ],
    [
      "a full database",
      refusal(400, "ERR DB capacity quota exceeded"),
      { code: "UNAVAILABLE", outcome: "not-applied" },
      /full/,
      { outcome: "unknown" },
    ],
    [
      "a request too large for the plan",
      refusal(400, "ERR max request size exceeded. Limit: 1048576 bytes, Actual: 2097152 bytes"),
      { code: "MESSAGE_TOO_LARGE", outcome: "not-applied" },
      /plan allows/,
    ],
    [
      "a record too large for the plan",
      refusal(400, "ERR Error running script: ERR max single record size exceeded"),
      { code: "MESSAGE_TOO_LARGE", outcome: "unknown" },
      /Trim/,
    ],
    [
      "HTTP 413 of a proxy",
      page(413, "<html>413 Request Entity Too Large</html>"),
      { code: "MESSAGE_TOO_LARGE", outcome: "not-applied" },
      /before the database/,
    ],
    [
      "HTTP 429 of a proxy",
      throttled,
      { code: "UNAVAILABLE", outcome: "not-applied" },
      /takes no more requests/,
      { outcome: "unknown" },
    ],
    ["HTTP 502 of a proxy", badGateway, { code: "UNAVAILABLE", outcome: "unknown" }, /error page/],
    [
      "HTTP 404 of something else",
      page(404, "<html>404 Not Found</html>"),
      { code: "MISCONFIGURED", outcome: "not-applied" },
      /not Upstash/,
    ],
    [
      "HTTP 200 of something else",
      page(200, "<html>Welcome! Our 413th visitor</html>"),
      { code: "UNAVAILABLE", outcome: "unknown" },
      /could not be read/,
    ],
    ["JSON of something else", page(200, '{"hello":"world"}'), { code: "UNAVAILABLE", outcome: "unknown" }, /./],
    [
      "a JSON error of something else",
      page(500, '{"message":"Internal error"}'),
      { code: "UNAVAILABLE", outcome: "unknown" },
      /./,
    ],
    ["a result of something else", page(200, '[{"result":"T0s="}]'), { code: "UNAVAILABLE", outcome: "unknown" }, /./],
    [
      "an error that is not known",
      refusal(400, `ERR who knows: ${content}`),
      { code: "UNAVAILABLE", outcome: "unknown" },
      /answered with ERR/,
    ],
    [
      "a Redis that is starting",
      refusal(400, "LOADING Redis is loading the dataset in memory"),
      { code: "UNAVAILABLE", outcome: "not-applied" },
      /loading/,
      { outcome: "unknown" },
    ],
  ];

  it.each(answers)("%s", async (_title, fault, expected, says, withRetries = {}) => {
    proxy.always(() => fault);
    const error = await failure(owned().addMessage("k", message));
    expect(error).toMatchObject({ ...expected, key: "k" });
    expect(error.message).toMatch(says);
    // What the last of a client's own tries says is not what the first ones did.
    expect(await failure(injected().addMessage("k", message))).toMatchObject({ ...expected, ...withRetries });
    const { outcome } = await failure(owned().getMessages("k"));
    expect(outcome).toBeUndefined();
  });

  it("a truncated answer is unknown, whatever number stands in it", async () => {
    const store = owned();
    await store.setMessages("413", [{ ...message, content: "413 429 404 Too Large Not Found".repeat(50) }]);
    proxy.always(() => ({ kind: "rewrite", reply: ({ body }) => ({ body: body.subarray(0, 150) }) }));
    expect(await failure(store.deleteLastMessage("413"))).toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
  });

  it("a database that can't be reached: nothing was sent, says the own client; who knows, says one that retries", async () => {
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const error = await failure(owned({ redisUrl: url }).addMessage("k", message));
    expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(error.message).toContain("ECONNREFUSED");
    expect(error.message).not.toContain("127.0.0.1");
    const client = new Redis({ url, token: "t", retry: { retries: 1 } });
    const retrying = new UpstashChatStore({ client, maxRetries: 0 });
    expect((await failure(retrying.addMessage("k", message))).outcome).toBe("unknown");
  });

  it("something that speaks no TLS", async () => {
    const tls = new UpstashChatStore({
      redisUrl: proxy.url.replace("http:", "https:"),
      redisToken: "t",
      maxRetries: 0,
    });
    expect(await failure(tls.addMessage("k", message))).toMatchObject({
      code: "MISCONFIGURED",
      outcome: "not-applied",
    });
  });
});

describe.runIf(database?.own)("errors of a database of one's own", () => {
  let server: UpstashServer;

  beforeAll(async () => {
    server = await startUpstash({ maxMemory: "6mb" });
  });
  afterAll(() => server.stop());

  const connect = (more: object = {}) =>
    new UpstashChatStore({ redisUrl: server.url, redisToken: server.token, maxRetries: 0, ...more });

  it("a wrong token", async () => {
    const error = await failure(connect({ redisToken: "no-token-of-this-database" }).addMessage("k", message));
    expect(error).toMatchObject({ code: "MISCONFIGURED", outcome: "not-applied" });
    expect(error.message).toContain("token");
    expect(inspect(error)).not.toContain("no-token-of-this-database");
    const client = newClient({ url: server.url, token: "no-token-of-this-database" });
    const injected = new UpstashChatStore({ client });
    expect(await failure(injected.getMessages("k"))).toMatchObject({ code: "MISCONFIGURED" });
  });

  it("a read-only token, which can't even read: scripts are no reads", async () => {
    const store = connect({ redisToken: server.readOnlyToken });
    for (const call of [store.addMessage("k", message), store.getMessages("k"), store.getKeys()]) {
      const error = await failure(call);
      expect(error.code).toBe("MISCONFIGURED");
      expect(error.message).toContain("read-only");
    }
  });

  it("an ACL user needs what the README lists, and the error says when it has less", async () => {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const permissions = /```text\n(~chatkeep[^`]+)```/.exec(readme)?.[1]?.replaceAll(/\s+/g, " ") ?? "";
    const open = async (given: string) => {
      const restricted = await startUpstash({ permissions: given });
      const store = new UpstashChatStore({ redisUrl: restricted.url, redisToken: restricted.token, ttlSeconds: 60 });
      return { restricted, store };
    };
    const { restricted, store } = await open(permissions);
    try {
      // It expires, and then it does not.
      await store.addMessage("k", message);
      const lasting = new UpstashChatStore({ redisUrl: restricted.url, redisToken: restricted.token });
      await lasting.addMessage("k", message);
      await store.setMessages("k", [message, message, message]);
      await store.addMessage("k", message, { index: 1 });
      await store.addMessages("k", [
        { ...message, content: "x".repeat(4_000_000) },
        { ...message, content: "y".repeat(4_000_000) },
      ]);
      await store.setMessages("large", [
        { ...message, content: "x".repeat(4_000_000) },
        { ...message, content: "y".repeat(4_000_000) },
      ]);
      await store.replaceMessage("k", 1, message);
      await store.deleteMessage("k", 1);
      await store.deleteLastMessage("k");
      await store.trimMessages("k", 2);
      expect(await store.countMessages("k")).toBe(2);
      expect(await store.getMessages("k")).toHaveLength(2);
      expect((await store.getKeys()).sort()).toEqual(["k", "large"]);
      await store.deleteMessages("k");
    } finally {
      await restricted.stop();
    }
    const less = await open(permissions.replace(" +rpush ", " "));
    try {
      const error = await failure(less.store.addMessage("k", message));
      expect(error.code).toBe("MISCONFIGURED");
    } finally {
      await less.restricted.stop();
    }
  });

  it.each(layouts)("a name that holds something else, layout %s", async (layout) => {
    const keyPrefix = `${randomUUID()}:`;
    const store = connect({ layout, keyPrefix });
    await store.addMessage("k", message);
    const client = newClient(server);
    const [name = ""] = (await client.keys(`*${keyPrefix}*`)).filter((each) => /messages$|:k$/.test(each));
    await client.del(name);
    await client.set(name, "text");
    for (const call of [store.addMessage("k", message), store.setMessages("k", [message]), store.getMessages("k")]) {
      expect(await failure(call)).toMatchObject({ code: "MISCONFIGURED" });
    }
    expect(await client.get(name)).toBe("text");
  });

  it.each(layouts)("no memory left, layout %s: no write goes in half, reading and deleting go on", async (layout) => {
    const store = connect({ layout, keyPrefix: `${randomUUID()}:` });
    const large = { role: "user" as const, content: "x".repeat(200_000) };
    await store.addMessage("first", large);
    let stored = 1;
    const fill = async () => {
      for (; stored < 50; stored++) await store.addMessage("first", large);
    };
    expect(await failure(fill())).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(await store.countMessages("first")).toBe(stored);
    expect(await failure(store.setMessages("first", [large]))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await store.countMessages("first")).toBe(stored);
    await store.deleteLastMessage("first");
    await store.deleteMessages("first");
    expect(await store.getMessages("first")).toEqual([]);
  });
});
