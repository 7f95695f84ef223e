import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { OpenAIMessage } from "@chatkeep/chat-store-core/openai";

/** A piece of an answer; or what has to happen before the next piece is written; a status with which it refuses; or `null`, the connection breaks. */
export type Step = string | Promise<unknown> | number | null;

/** A server with OpenAI's streaming chat completions, which answers what the test says. */
export async function startModel() {
  const asked: OpenAIMessage[][] = [];
  const scripts: Step[][] = [];
  const server = createServer(async (request, response) => {
    const { messages } = (await json(request)) as { messages: OpenAIMessage[] };
    asked.push(messages);
    const script = scripts.shift() ?? [`Answer ${asked.length}.`];
    for (const step of script) {
      if (typeof step === "number") {
        response.writeHead(step).end();
        return;
      }
      if (step === null) {
        response.socket?.resetAndDestroy();
        return;
      }
      if (typeof step !== "string") {
        await step;
        continue;
      }
      // In two writes, as nothing says where a network cuts.
      const event = `data: ${JSON.stringify({ choices: [{ delta: { content: step }, finish_reason: null }] })}\n\n`;
      response.write(event.slice(0, 20));
      response.write(event.slice(20));
    }
    response.write(`data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: "stop" }] })}\n\n`);
    response.end("data: [DONE]\n\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    env: { OPENAI_API_KEY: "secret-of-the-server", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` },
    /** What it was sent, request by request. */
    asked,
    /** What it will answer the next request that has no script yet. */
    script: (...steps: Step[]) => scripts.push(steps),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Something that a test lets happen. */
export function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
