import { isChatStoreError } from "@chatkeep/chat-store-core";
import { interop, PythonStore, pythonFails, recorded } from "@chatkeep/store-tests";
import { httpProxy, startUpstash } from "@chatkeep/test-servers";
import { describe, expect } from "vitest";
import { UpstashChatStore } from "../src/index.js";
import { runningDatabase } from "./support/database.js";

const database = runningDatabase();

const settingsOf = ({ url, token }: { url: string; token: string }) => ({ redis_url: url, redis_token: token });

// json.dumps of what it makes of a message.
const noUrl = { write: /Object of type AnyUrl is not JSON serializable/ };
const noBytes = { write: /Object of type bytes is not JSON serializable/ };

describe.runIf(database?.own)("with LlamaIndex Python on the same database", () => {
  interop({
    backend: "upstash",
    oldest: "stores-old",
    append: "atomic",
    expiry: "hidden",
    gaps: {
      "an image": noBytes,
      "an image's URL": noUrl,
      audio: noBytes,
      "audio's URL": noUrl,
      video: noBytes,
      "a video's URL": noUrl,
      document: noBytes,
    },
    async start() {
      // Python lists all that is in the database.
      const server = await startUpstash();
      const ours = { redisUrl: server.url, redisToken: server.token, layout: "llamaindex" } as const;
      return {
        server: "an HTTP front of Redis 7.0",
        store: new UpstashChatStore(ours),
        expiring: (ttlSeconds) => new UpstashChatStore({ ...ours, ttlSeconds }),
        settings: settingsOf(server),
        close: server.stop,
      };
    },
  });
});

describe.runIf(database?.own)("what is Upstash's own with LlamaIndex Python", () => {
  const record = recorded("upstash");

  pythonFails(
    record,
    "`delete_message` that is cut off leaves what no `get_messages` of Python reads any more",
    async () => {
      const server = await startUpstash();
      const proxy = await httpProxy(server.url);
      const python = await PythonStore.start("newest", "upstash", settingsOf({ ...server, url: proxy.url }));
      const store = new UpstashChatStore({ redisUrl: server.url, redisToken: server.token, layout: "llamaindex" });
      try {
        await store.setMessages("k", [{ content: "a" }, { content: "b" }, { content: "c" }]);
        proxy.always(({ body }) => (/LREM/i.test(body.toString()) ? { kind: "reset-before" } : undefined));
        expect(await python.delete("k", 1)).toBeUndefined();
        proxy.always(undefined);
        await expect(python.get("k")).rejects.toThrow("Expecting value");

        const corrupt = await store.getMessages("k").catch((error: unknown) => error);
        expect(isChatStoreError(corrupt, "CORRUPT_MESSAGE") && corrupt.message).toMatch(
          /message 1 of conversation "k"/,
        );
        await store.deleteMessage("k", 1).catch((error: unknown) => {
          if (!isChatStoreError(error, "CORRUPT_MESSAGE")) throw error;
        });
        expect(await store.getMessages("k")).toEqual(await python.get("k"));
        expect(await store.countMessages("k")).toBe(2);
      } finally {
        await store.close();
        await proxy.close();
        await server.stop();
      }
    },
  );

  pythonFails(
    record,
    "`set_messages` deletes first: meanwhile nothing is there, or a history without its end",
    async () => {
      const server = await startUpstash();
      const python = await PythonStore.start("newest", "upstash", settingsOf(server));
      const store = new UpstashChatStore({ redisUrl: server.url, redisToken: server.token, layout: "llamaindex" });
      const contents = async () => (await store.getMessages("k")).map(({ content }) => content);
      const messages = (...all: string[]) => all.map((content) => ({ content }));
      const [before, after] = [messages("a", "b"), messages("c", "d", "e")];
      try {
        for (const [write, seen] of [
          [2, []],
          [4, ["c", "d"]],
        ] as const) {
          await store.setMessages("k", before);
          let between: unknown;
          python.interrupt(write, async () => {
            between = await contents();
          });
          await python.set("k", after);
          expect(between).toEqual(seen);
          expect(await contents()).toEqual(["c", "d", "e"]);
        }

        await store.setMessages("k", before);
        const reads = Array.from({ length: 20 }, async () => (await contents()).join(""));
        const [, ...seen] = await Promise.all([store.setMessages("k", after), ...reads]);
        for (const each of seen) expect(["ab", "cde"]).toContain(each);
        expect((await python.get("k")).map(({ content }) => content)).toEqual(["c", "d", "e"]);
      } finally {
        await store.close();
        await server.stop();
      }
    },
  );
});
