import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isChatStoreError } from "../src/errors.js";
import { ChatMemoryBuffer } from "../src/memory/chat-memory-buffer.js";
import { messageFromStored } from "../src/messages/codec.js";
import type { JsonValue } from "../src/messages/message.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";

interface Case {
  name: string;
  messages: JsonValue[];
  total: number;
  runs: { limit: number; initial: number; kept?: number; error?: string }[];
}

function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`golden/${name}`, import.meta.url), "utf8")) as T;
}

describe("the windows of LlamaIndex Python", () => {
  const { cases } = golden<{ cases: Case[] }>("windows.json");

  it("are many", () => {
    expect(cases.length).toBeGreaterThanOrEqual(300);
  });

  it.each(cases.map((each) => [each.name, each] as const))("%s", async (_name, { messages, runs }) => {
    const history = messages.map(messageFromStored);
    const chatStore = new SimpleChatStore();
    await chatStore.setMessages("chat_history", history);
    for (const { limit, initial, kept, error } of runs) {
      const memory = new ChatMemoryBuffer({ chatStore, tokenLimit: limit });
      const window = await memory.get({ initialTokenCount: initial }).catch((reason: unknown) => reason);
      const what = `limit ${limit}, initial ${initial}`;
      if (error !== undefined) expect(isChatStoreError(window, "INVALID_ARGUMENT"), what).toBe(true);
      else expect(window, what).toEqual(history.slice(history.length - kept!));
    }
  });
});
