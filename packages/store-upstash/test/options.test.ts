import { inspect } from "node:util";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { Redis } from "@upstash/redis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { UpstashChatStore, type UpstashChatStoreOptions } from "../src/index.js";

const connection = { redisUrl: "https://example.upstash.io", redisToken: "secret-token" };
const client = new Redis({ url: connection.redisUrl, token: connection.redisToken });

afterEach(() => vi.unstubAllEnvs());

describe("options", () => {
  it.each([
    ["none", undefined],
    ["nothing to connect to", {}],
    ["a URL without a token", { redisUrl: connection.redisUrl }],
    ["a token without a URL", { redisToken: "secret-token" }],
    ["an unknown one", { ...connection, nonsense: 1 }],
    ["a URL of Redis's own protocol", { ...connection, redisUrl: "rediss://:secret-token@example.upstash.io:6379" }],
    ["a URL with a password", { ...connection, redisUrl: "https://user:secret-token@example.upstash.io" }],
    ["a URL with a blank", { ...connection, redisUrl: " https://example.upstash.io" }],
    ["a token with a line break", { ...connection, redisToken: "secret-token\n" }],
    ["a token that is none", { ...connection, redisToken: 1 }],
    ["a client and a URL", { client, ...connection }],
    ["a client and telemetry", { client, enableTelemetry: true }],
    ["a client that is none", { client: {} }],
    ["telemetry that is no switch", { ...connection, enableTelemetry: "no" }],
    ["a layout that is none", { ...connection, layout: "other" }],
    ["a prefix with a brace", { ...connection, keyPrefix: "a{b" }],
    ["a ttl of nothing", { ...connection, ttlSeconds: 0 }],
    ["two ttls", { ...connection, ttlSeconds: 1, ttl: 2 }],
    ["a timeout of nothing", { ...connection, timeoutMs: 0 }],
  ])("%s: INVALID_ARGUMENT, which shows no secret", (_title, options) => {
    let thrown: unknown;
    try {
      new UpstashChatStore(options as UpstashChatStoreOptions);
    } catch (error) {
      thrown = error;
    }
    expect(isChatStoreError(thrown, "INVALID_ARGUMENT")).toBe(true);
    expect(inspect(thrown)).not.toContain("secret-token");
  });

  it("what fits together is taken, and sends nothing", () => {
    const fetches = vi.spyOn(globalThis, "fetch");
    new UpstashChatStore({ ...connection, ttl: 60, ttlSeconds: 60, keyPrefix: "chats:", layout: "llamaindex" });
    new UpstashChatStore({ client, maxRetries: 0, timeoutMs: Number.POSITIVE_INFINITY });
    expect(fetches).not.toHaveBeenCalled();
    fetches.mockRestore();
  });

  it("a store shows no token and no address", () => {
    const store = new UpstashChatStore(connection);
    for (const shown of [JSON.stringify(store), inspect(store, { depth: 9, showHidden: true })]) {
      expect(shown).not.toContain("secret-token");
      expect(shown).not.toContain("example.upstash.io");
    }
  });
});

describe("fromEnv", () => {
  const variables = { UPSTASH_REDIS_REST_URL: connection.redisUrl, UPSTASH_REDIS_REST_TOKEN: connection.redisToken };

  it("takes the environment's variables, or those of a worker", () => {
    expect(UpstashChatStore.fromEnv({ env: variables })).toBeInstanceOf(UpstashChatStore);
    const vercel = { KV_REST_API_URL: connection.redisUrl, KV_REST_API_TOKEN: connection.redisToken };
    expect(UpstashChatStore.fromEnv({ env: vercel, layout: "llamaindex" })).toBeInstanceOf(UpstashChatStore);
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    expect(UpstashChatStore.fromEnv()).toBeInstanceOf(UpstashChatStore);
  });

  it("says which are missing", () => {
    expect(() => UpstashChatStore.fromEnv({ env: {} })).toThrow("UPSTASH_REDIS_REST_URL or KV_REST_API_URL");
    expect(() => UpstashChatStore.fromEnv({ env: { ...variables, UPSTASH_REDIS_REST_TOKEN: "" } })).toThrow(
      "UPSTASH_REDIS_REST_TOKEN",
    );
    expect(() => UpstashChatStore.fromEnv({ env: variables, layout: "x" as "chatkeep" })).toThrow("layout");
  });
});
