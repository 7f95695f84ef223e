// @ts-check
// A conversation that LlamaIndex kept in Python, continued in JavaScript: loaded, windowed, saved, loaded again.
import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  assistantMessage,
  ChatMemoryBuffer,
  SimpleChatStore,
  toolResult,
  userMessage,
} from "@chatkeep/chat-store-core";
import { printWindows } from "./print-windows.js";

// A copy, as every run begins with the file that make_conversation.py wrote.
const folder = await mkdtemp(join(tmpdir(), "chatkeep-quick-start-"));
const file = join(folder, "conversation.json");
await copyFile(new URL("conversation.json", import.meta.url), file);

// A store that writes every change to the file, and in it one conversation. Give each user and session a key of its own.
const store = await SimpleChatStore.open(file);
const chatStoreKey = "emma/lake-district";
const memory = new ChatMemoryBuffer({ chatStore: store, chatStoreKey }); // 3,000 tokens by default
const fromPython = await store.countMessages(chatStoreKey);

// The conversation goes on. No model is asked, so no key is needed: these answers were written beforehand. With a model,
// its answer to `toOpenAI(await memory.get({ completeTurns: true, pinSystem: true }))` would be put here.
await memory.put(userMessage("Sorry, my train was in a tunnel. So: is there a bus back on Thursday after dinner?"));
await memory.putMessages([
  assistantMessage([
    {
      type: "tool_call",
      toolCallId: "call_b3",
      toolName: "bus_timetable",
      toolKwargs: { route: "516", stop: "Old Dungeon Ghyll", date: "2026-06-18", after: "17:00" },
    },
  ]),
  toolResult("call_b3", "516 Old Dungeon Ghyll - Ambleside, Thursday 18 June: 17:15, 18:20 (last)"),
]);
await memory.put(
  assistantMessage(
    "Not after a long one: the last 516 leaves the Old Dungeon Ghyll at 18:20. Sit down to eat by 17:00 and you have " +
      "over an hour. If you miss it, ask at the bar for a taxi to Ambleside; don't walk the road, it has no pavement.",
  ),
);
await memory.put(userMessage("Then we eat early. When do we have to be down from Stickle Tarn?"));

// What a model would be sent now. Two memories with two limits may well share one store.
const small = new ChatMemoryBuffer({ chatStore: store, chatStoreKey, tokenLimit: 300 });
const windows = {
  A: await memory.get(),
  B: await small.get(),
  C: await small.get({ completeTurns: true, pinSystem: true }),
};

// When `close` has settled, everything is in the file.
const messages = await memory.getAll();
await store.close();
const reloaded = await SimpleChatStore.fromPersistPath(file);
assert.deepEqual(await reloaded.getMessages(chatStoreKey), messages);
await rm(folder, { recursive: true });

const { A, B, C } = windows;
console.log(`
A conversation of ${messages.length} messages, ${fromPython} of them from a file that LlamaIndex wrote in Python.
What a model would be sent of it (■ kept, · cut; 300 tokens are about 1,200 characters of English):

  A  3,000 tokens  get()                                          ${A.length} messages, as in Python
  B    300 tokens  get()                                           ${B.length} messages, as in Python
  C    300 tokens  get({ completeTurns: true, pinSystem: true })   ${C.length} messages, fit for every model API
`);
printWindows(messages, windows, fromPython);
console.log(`
Look at row ${fromPython}: the result of this tool call never came, so model APIs refuse A and B. C leaves
the call out. It never parts a call from its result, and it keeps the system prompt of row 1.

Saved, loaded again and compared: ${messages.length} messages, all equal.`);
