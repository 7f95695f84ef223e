// @ts-check
// One turn of a conversation: what the user says is kept, then what the model answers.
import { randomUUID } from "node:crypto";
import { assistantMessage, ChatMemoryBuffer, userMessage } from "@chatkeep/chat-store-core";
import { toOpenAI } from "@chatkeep/chat-store-core/openai";
import { complete } from "./model.js";
import { settled } from "./store.js";

/** @typedef {import("@chatkeep/chat-store-core").ChatStore} ChatStore */

/** What a model is sent of a long conversation, in tokens. */
const tokenLimit = 16_000;

/**
 * A message of the user, in bytes of UTF-8. A token has at least one byte, so that none is kept that a model can't be sent.
 */
export const longestText = tokenLimit;

/**
 * Keeps what the user says. A repeat with the same id adds nothing, so whoever got no reply calls it again.
 * @param {ChatStore} store
 * @param {string} key
 * @param {string} id
 * @param {string} text
 */
export async function ask(store, key, id, text) {
  // A store knows the ids of the last operations, SimpleChatStore until it is opened anew. A message keeps its id.
  const { messages } = await store.getPage(key, { limit: 20 });
  if (!messages.some((message) => message.id === id)) {
    await store.addMessage(key, { ...userMessage(text), id }, { operationId: id });
  }
  await settled(store);
}

/**
 * The user's message that waits for an answer: the newest, if it is the user's.
 * @param {ChatStore} store
 * @param {string} key
 */
export async function openQuestion(store, key) {
  const { messages } = await store.getPage(key, { limit: 1 });
  return messages.find((message) => message.role === "user");
}

/**
 * Answers the open question, if there is one: gives the answer piece by piece, and keeps it when it is whole. If it
 * breaks off the question stays open, and this can be called again.
 * @param {ChatStore} store
 * @param {string} key
 */
export async function* answer(store, key) {
  const question = await openQuestion(store, key);
  if (question === undefined) return;
  const memory = new ChatMemoryBuffer({ chatStore: store, chatStoreKey: key, tokenLimit });
  let text = "";
  for await (const piece of complete(toOpenAI(await memory.get({ completeTurns: true })))) {
    text += piece;
    yield piece;
  }
  // Another process may have answered meanwhile.
  if ((await openQuestion(store, key))?.id !== question.id) return;
  await store.addMessage(key, { ...assistantMessage(text), id: randomUUID() });
  await settled(store);
}
