// @ts-check
// The model: any API that is compatible with OpenAI's chat completions. Without a key, an echo.
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("@chatkeep/chat-store-core/openai").OpenAIMessage} OpenAIMessage */

const { OPENAI_API_KEY, OPENAI_BASE_URL = "https://api.openai.com/v1", OPENAI_MODEL = "gpt-4.1-mini" } = process.env;
const longestAnswerMs = 5 * 60_000;

/** The model gave no answer, or only a part of one. */
export class ModelError extends Error {
  code = "MODEL";
}

/**
 * The answer, piece by piece while it is written. Throws {@link ModelError}.
 * @param {OpenAIMessage[]} messages
 * @returns {AsyncGenerator<string>}
 */
export async function* complete(messages) {
  if (!OPENAI_API_KEY) return yield* echo(messages);
  try {
    const response = await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${OPENAI_API_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ model: OPENAI_MODEL, messages, stream: true }),
      signal: AbortSignal.timeout(longestAnswerMs),
    });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new ModelError(`The model's API answered ${response.status}.`);
    }
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const { error, choices = [] } = JSON.parse(data);
      if (error) throw new ModelError("The model's API broke its answer off with an error.");
      const [choice] = choices;
      if (choice?.delta?.content) yield choice.delta.content;
      if (choice?.finish_reason) return;
    }
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw new ModelError("The model's API can't be reached, or broke off.");
  }
  throw new ModelError("The model's API ended its answer before it was whole.");
}

/**
 * The data of server-sent events.
 * @param {ReadableStream<Uint8Array>} body
 */
async function* events(body) {
  const decoder = new TextDecoder();
  let unfinished = "";
  for await (const chunk of body) {
    const lines = (unfinished + decoder.decode(chunk, { stream: true })).split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data:")) yield line.slice("data:".length).trim();
  }
}

/** @param {OpenAIMessage[]} messages */
async function* echo(messages) {
  const last = messages.at(-1)?.content;
  const said = typeof last === "string" ? last : "something without words";
  for (const word of `(no OPENAI_API_KEY, so this is an echo) You said: ${said}`.split(/(?<=\s)/)) {
    await sleep(20);
    yield word;
  }
}
