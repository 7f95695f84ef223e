import { randomUUID } from "node:crypto";
import { type HttpProxy, httpProxy, type OwnServer, startWorkerd } from "@chatkeep/test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UpstashChatStore } from "../src/index.js";
import { type Database, runningDatabase } from "./support/database.js";
import { bundle } from "./support/worker-bundle.js";

const database = runningDatabase();

/** The worker as it is deployed at a compatibility date, with a database's variables. */
const startWorker = (script: string, { url, token }: Database, compatibilityDate: string) =>
  startWorkerd(script, {
    compatibilityDate,
    bindings: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token },
  });

describe.runIf(database)("in a Cloudflare Worker without Node's modules", () => {
  let script: string;
  let proxy: HttpProxy;
  let workerd: OwnServer;
  const keyPrefix = `${randomUUID()}:`;

  beforeAll(async () => {
    const { outputFiles, metafile } = await bundle();
    script = outputFiles[0]?.text ?? "";
    // What is loaded later, the tokenizer's table, is not used here.
    const imports = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
    expect(imports.filter((path) => !path.startsWith("js-tiktoken/"))).toEqual([]);
    proxy = await httpProxy(database!.url);
    workerd = await startWorker(script, { ...database!, url: proxy.url }, "2024-11-11");
  });
  afterAll(async () => {
    await workerd?.stop();
    await proxy?.close();
  });

  const ask = async (server: OwnServer, method: string, ...args: unknown[]) => {
    const reply = await fetch(server.url, { method: "POST", body: JSON.stringify({ keyPrefix, method, args }) });
    return (await reply.json()) as Record<string, unknown>;
  };
  const message = (content: string) => ({ role: "user", content });

  it("there is nothing of Node", async () => {
    expect(await ask(workerd, "runtime")).toEqual({ process: "undefined", Buffer: "undefined" });
  });

  it("it stores and reads what is read and stored elsewhere", async () => {
    const key = "a 漢 key";
    await ask(workerd, "setMessages", key, [message("123"), message("NUL \u0000 🙂 half \ud83d")]);
    expect(await ask(workerd, "memory", key, "and more")).toEqual({
      answer: [message("123"), message("NUL \u0000 🙂 half \ud83d"), message("and more")],
    });
    const elsewhere = new UpstashChatStore({ redisUrl: database!.url, redisToken: database!.token, keyPrefix });
    expect(await elsewhere.getMessages(key)).toHaveLength(3);
    await elsewhere.addMessage(key, { content: "from Node" });
    expect(await ask(workerd, "deleteLastMessage", key)).toEqual({ answer: message("from Node") });
    expect(await ask(workerd, "getKeys")).toEqual({ answer: [key] });
  });

  it("a lost reply is unknown there too", async () => {
    proxy.next(1, { kind: "reset-after" });
    expect(await ask(workerd, "addMessage", "lost", message("x"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(await ask(workerd, "countMessages", "lost")).toEqual({ answer: 1 });
  });

  it("a compatibility date of before fetch knew `cache` is told, with what to do", async () => {
    const old = await startWorker(script, database!, "2024-11-10");
    try {
      expect(await ask(old, "countMessages", "k")).toMatchObject({
        code: "MISCONFIGURED",
        message: expect.stringContaining("compatibility date"),
      });
    } finally {
      await old.stop();
    }
  });
});
