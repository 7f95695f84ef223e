import { SimpleChatStore } from "@chatkeep/chat-store-core";
import { afterAll, beforeAll, vi } from "vitest";
import type { Subject } from "../src/index.js";
import { conformance } from "../src/vitest.js";

export const simpleChatStore: Subject = {
  name: "SimpleChatStore",
  async space() {
    return {
      connect: async (options) => new SimpleChatStore(options),
      requests: () => 0,
      advanceTime: async (milliseconds) => {
        vi.setSystemTime(Date.now() + milliseconds);
      },
      dispose: async () => {},
    };
  },
  lacks: {
    secondClient: "its data lives in one object",
    injectedClient: "it uses no client",
    opaqueJson: "its toJSON is LlamaIndex's `.json()`, whose job it is",
  },
  largestMessageBytes: 8 * 1024 * 1024,
  requests: { addMessage: 0 },
};

beforeAll(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterAll(() => {
  vi.useRealTimers();
});

conformance(simpleChatStore);
