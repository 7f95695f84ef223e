import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { ChatCompletion, ChatCompletionCreateParams } from "openai/resources/chat/completions";

/** A server with OpenAI's chat completions whose model answers how many messages it was sent. */
export async function startModel(): Promise<{ url: string; close: () => void }> {
  const server = createServer(async (request, response) => {
    const { messages, model } = (await json(request)) as ChatCompletionCreateParams;
    const completion: ChatCompletion = {
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 0,
      model,
      choices: [
        {
          index: 0,
          finish_reason: "stop",
          logprobs: null,
          message: { role: "assistant", content: `I was sent ${messages.length} messages.`, refusal: null },
        },
      ],
    };
    response.setHeader("content-type", "application/json").end(JSON.stringify(completion));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, close: () => server.close() };
}
