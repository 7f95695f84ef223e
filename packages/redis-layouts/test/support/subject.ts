import type { Subject } from "@chatkeep/chat-store-conformance";
import { BaseChatStore } from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout, explainServerError, LlamaIndexLayout, type RedisLayout } from "../../src/index.js";
import { type TestPort, type TestPortOptions, testPort } from "./port.js";

let places = 0;

/** A layout over the plainest port, with limits so low that everything is cut, and each place a prefix of its own. */
export function subjectOf(layout: RedisLayout, url: string, options: TestPortOptions, more: Partial<Subject>): Subject {
  return {
    name: `layout ${layout}`,
    async space() {
      const keyPrefix = `place-${process.pid}-${++places}:`;
      const ports: TestPort[] = [];
      return {
        async connect({ ttlSeconds } = {}) {
          const port = testPort(url, options);
          ports.push(port);
          const ttlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1000;
          const Layout = layout === "chatkeep" ? ChatkeepLayout : LlamaIndexLayout;
          const explain = (error: unknown) =>
            explainServerError(String(error)) ??
            ({ code: "UNAVAILABLE", message: String(error), outcome: "unknown", retry: false } as const);
          return new BaseChatStore({ name: layout, open: () => new Layout(port, { ttlMs, keyPrefix }), explain });
        },
        requests: () => ports.reduce((sum, { sent }) => sum + sent.length, 0),
        async dispose() {
          const client = testPort(url, {}).client;
          for await (const names of client.scanStream({ match: `*${keyPrefix}*`, count: 1_000 })) {
            if (names.length > 0) await client.unlink(names);
          }
          client.disconnect();
        },
      };
    },
    ...more,
    lacks: { injectedClient: "the port of these tests makes its own", ...more.lacks },
  };
}
