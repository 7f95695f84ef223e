// @ts-check
// A chat in the terminal: node terminal.js [name of the conversation]
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { isChatStoreError, textOf } from "@chatkeep/chat-store-core";
import { answer, ask, longestText, openQuestion } from "./conversation.js";
import { ModelError } from "./model.js";
import { openStore } from "./store.js";

const key = `terminal/${process.argv[2] ?? "default"}`;
const shown = 10;

/** @param {unknown} error */
function explain(error) {
  const known = isChatStoreError(error) || error instanceof ModelError;
  console.error(known ? `${error.code}: ${error.message}` : error);
}

/**
 * Without control characters, with which a text could take over the terminal.
 * @param {string} text
 */
function harmless(text) {
  return text.replace(/(?![\n\t])\p{Cc}/gu, "");
}

/** @param {import("@chatkeep/chat-store-core").ChatStore} store */
async function printAnswer(store) {
  process.stdout.write("model: ");
  try {
    for await (const piece of answer(store, key)) process.stdout.write(harmless(piece));
  } finally {
    process.stdout.write("\n");
  }
}

/** @param {import("@chatkeep/chat-store-core").ChatStore} store */
async function chat(store) {
  const count = await store.countMessages(key);
  if (count > shown) console.log(`… ${count - shown} older messages`);
  const { messages } = await store.getPage(key, { limit: shown });
  for (const message of messages) {
    console.log(`${message.role === "user" ? "you" : "model"}: ${harmless(textOf(message))}`);
  }
  if ((await openQuestion(store, key)) !== undefined) {
    console.log("This has no answer yet.");
    await printAnswer(store).catch(explain);
  }

  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: "you: " });
  /** @type {{ id: string; text: string } | undefined} */
  let failed;
  lines.prompt();
  for await (const line of lines) {
    const text = line.trim();
    const said = text === "" ? failed : { id: randomUUID(), text };
    if (Buffer.byteLength(text) > longestText) {
      console.error(`This is too long. A message has at most ${longestText.toLocaleString("en-US")} bytes.`);
    } else if (said !== undefined) {
      try {
        await ask(store, key, said.id, said.text);
        await printAnswer(store);
        failed = undefined;
      } catch (error) {
        explain(error);
        console.error("An empty line tries again, and doubles nothing.");
        failed = said;
      }
    }
    lines.prompt();
  }
}

try {
  const store = await openStore();
  try {
    await chat(store);
  } finally {
    await store.close();
  }
} catch (error) {
  explain(error);
  process.exitCode = 1;
}
