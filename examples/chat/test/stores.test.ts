import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textOf } from "@chatkeep/chat-store-core";
import { azuriteAccount } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answer, ask, openQuestion } from "../conversation.js";
import { openStore } from "../store.js";

const { azurite, dynamodb, postgres, redis, tablestore, upstash } = {
  azurite: runningServer("azurite"),
  dynamodb: runningServer("dynamodb"),
  postgres: runningServer("postgres"),
  redis: runningServer("redis"),
  tablestore: runningServer("tablestore"),
  upstash: runningServer("upstash"),
};

/** What somebody would set in the environment for each. Undefined where the server can't be had, which the run reports. */
const settings = {
  redis: redis && { REDIS_URL: redis.url },
  upstash: upstash && { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token ?? "" },
  postgres: postgres && { DATABASE_URL: postgres.url },
  azure: azurite && {
    AZURE_STORAGE_CONNECTION_STRING: `DefaultEndpointsProtocol=http;AccountName=${azuriteAccount.name};AccountKey=${azuriteAccount.key};TableEndpoint=${azurite.url};`,
  },
  dynamodb: dynamodb && {
    DYNAMODB_TABLE: "example-chat",
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  },
  tablestore: tablestore && {
    OTS_ENDPOINT: tablestore.url,
    OTS_INSTANCE: tablestore.access?.instanceName ?? "",
    OTS_ACCESS_KEY_ID: tablestore.access?.accessKeyId ?? "",
    OTS_ACCESS_KEY_SECRET: tablestore.access?.accessKeySecret ?? "",
  },
};

afterEach(() => {
  vi.unstubAllEnvs();
});

async function oneTurn(env: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const store = await openStore();
  const key = `example/${randomUUID()}`;
  try {
    await ask(store, key, "id-1", "Hello");
    await ask(store, key, "id-1", "Hello");
    let text = "";
    for await (const piece of answer(store, key)) text += piece;
    expect(text).toContain("You said: Hello");
    expect(await openQuestion(store, key)).toBeUndefined();
    expect((await store.getMessages(key)).map(textOf)).toEqual(["Hello", text]);
    await store.deleteMessages(key);
  } finally {
    await store.close();
  }
}

describe("the store that CHAT_STORE names", () => {
  it("is a file by default", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chatkeep-example-"));
    await oneTurn({ CHAT_STORE: "", CHAT_STORE_FILE: join(folder, "chat.json") });
    await rm(folder, { recursive: true });
  });

  describe.each(Object.entries(settings))("%s", (name, env) => {
    it.runIf(env)("keeps a turn, and no repeat of it", () => oneTurn({ CHAT_STORE: name, ...env }));
  });

  it("must be one that there is", async () => {
    vi.stubEnv("CHAT_STORE", "constructor");
    await expect(openStore()).rejects.toThrow("none of simple, redis");
  });
});
