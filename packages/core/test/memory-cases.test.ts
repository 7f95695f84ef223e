import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isChatStoreError } from "../src/errors.js";
import { ChatMemoryBuffer } from "../src/memory/chat-memory-buffer.js";
import { messageFromStored } from "../src/messages/codec.js";
import type { JsonValue } from "../src/messages/message.js";

/** Something done to a memory, or what the real one answered. */
type Step =
  | { initial: number; window: JsonValue[] }
  | { initial: number; error: string }
  | { all: JsonValue[] }
  | { put: JsonValue }
  | { set: JsonValue[] }
  | { reset: true }
  | { text: string };

interface Case {
  name: string;
  limit: number;
  history: JsonValue[];
  steps: Step[];
}

const { cases } = JSON.parse(readFileSync(new URL("golden/memory-cases.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

/** What LlamaIndex's own tests of ChatMemoryBuffer are about, with the answers of the real one. */
describe("the cases of LlamaIndex's tests of ChatMemoryBuffer", () => {
  it.each(cases.map((each) => [each.name, each] as const))("%s", async (_name, { limit, history, steps }) => {
    const read = (stored: JsonValue[]) => stored.map(messageFromStored);
    let memory = await ChatMemoryBuffer.fromDefaults({ tokenLimit: limit, chatHistory: read(history) });
    for (const step of steps) {
      if ("put" in step) await memory.put(messageFromStored(step.put));
      else if ("set" in step) await memory.set(read(step.set));
      else if ("reset" in step) await memory.reset();
      else if ("all" in step) expect(await memory.getAll()).toEqual(read(step.all));
      else if ("text" in step) {
        expect(await memory.serialize()).toBe(step.text);
        memory = ChatMemoryBuffer.deserialize(step.text);
      } else {
        const got = await memory.get({ initialTokenCount: step.initial }).catch((error: unknown) => error);
        const what = `${step.initial} tokens besides`;
        if ("error" in step) expect(isChatStoreError(got, "INVALID_ARGUMENT"), what).toBe(true);
        else expect(got, what).toEqual(read(step.window));
      }
    }
  });
});
