import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SimpleChatStore, textOf } from "@chatkeep/chat-store-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

// What servers with OpenAI's streaming chat completions send, and what networks make of it.

let reply: (response: ServerResponse) => unknown;
let asked = 0;
const server = createServer((request, response) => {
  asked++;
  request.resume();
  reply(response);
});

let ask: typeof import("../conversation.js").ask;
let answer: typeof import("../conversation.js").answer;
let store: SimpleChatStore;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  vi.stubEnv("OPENAI_API_KEY", "secret");
  vi.stubEnv("OPENAI_BASE_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  ({ ask, answer } = await import("../conversation.js"));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  asked = 0;
  store = new SimpleChatStore();
  await ask(store, "k", "id-1", "How far is the moon?");
});

const event = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
const end = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;
const usage = `data: ${JSON.stringify({ choices: [], usage: { total_tokens: 9 } })}\n\n`;
const said = ["It is ", "384,000 km — 月 \u{1f319}", " far.\n\ndata: not this", "\r\n"];
const whole = said.map(event).join("") + usage + end;

/** The pieces that are shown, until the answer ends or breaks off. */
async function shown(): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of answer(store, "k")) pieces.push(piece);
  return pieces;
}

const kept = async () => (await store.getMessages("k")).map(textOf);

/** Writes bytes in portions, each in a turn of its own, so that it is a chunk of its own. */
async function writeIn(response: ServerResponse, text: string, size: number): Promise<void> {
  const bytes = Buffer.from(text);
  response.socket?.setNoDelay(true);
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("an answer is whole and kept once", () => {
  it.each([1, 2, 3, 7, 64, 10_000])("in chunks of %i bytes", async (size) => {
    reply = (response) => writeIn(response, whole, size).then(() => response.end());
    expect(await shown()).toEqual(said);
    expect(await kept()).toEqual(["How far is the moon?", said.join("")]);
    expect(asked).toBe(1);
  });

  it.each([
    ["lines that end with CR and LF", whole.replaceAll("\n", "\r\n")],
    ["comments that keep the connection alive", `: ping\n\n${whole.replaceAll("\n\n", "\n\n: ping\n\n")}`],
    ["no space behind the colon", whole.replaceAll("data: {", "data:{")],
    ["names and ids of events", whole.replaceAll("data: {", "event: chunk\nid: 1\ndata: {")],
    ["no [DONE]", whole.replace("data: [DONE]\n\n", "")],
    ["no reason why it ends", `${said.map(event).join("")}data: [DONE]\n\n`],
  ])("with %s", async (_title, text) => {
    reply = (response) => response.end(text);
    expect(await shown()).toEqual(said);
    expect(await kept()).toEqual(["How far is the moon?", said.join("")]);
  });

  it("also where the connection stays open behind it", async () => {
    reply = (response) => response.write(whole);
    expect(await shown()).toEqual(said);
  });
});

describe("of an answer that breaks off nothing is kept, and the next try answers once", () => {
  const begun = said.slice(0, 2).map(event).join("");
  it.each<[title: string, pieces: number, reply: (response: ServerResponse) => unknown]>([
    ["429", 0, (response) => response.writeHead(429, { "retry-after": "1" }).end('{"error":{"message":"quota"}}')],
    ["500, with a body that never ends", 0, (response) => response.writeHead(500).write("oh")],
    ["a connection that is dropped before the answer", 0, (response) => response.socket?.destroy()],
    [
      "one that is dropped in the middle",
      2,
      (response) => response.write(begun, () => response.socket?.resetAndDestroy()),
    ],
    ["an end without an end", 2, (response) => response.end(begun)],
    ["an end in the middle of an event", 2, (response) => response.end(begun + event("more").slice(0, 20))],
    [
      "an error in the stream, which stays open",
      2,
      (response) => response.write(`${begun}data: {"error":{"message":"overloaded"}}\n\n`),
    ],
    ["what is no JSON", 2, (response) => response.end(`${begun}data: {"choices\n\n`)],
  ])("%s", async (_title, pieces, broken) => {
    reply = broken;
    const seen: string[] = [];
    const breaksOff = async () => {
      for await (const piece of answer(store, "k")) seen.push(piece);
    };
    await expect(breaksOff()).rejects.toMatchObject({
      code: "MODEL",
      message: expect.not.stringMatching(/secret|quota|moon/),
    });
    expect(seen).toEqual(said.slice(0, pieces));
    expect(await kept()).toEqual(["How far is the moon?"]);

    reply = (response) => response.end(whole);
    await ask(store, "k", "id-1", "How far is the moon?");
    expect(await shown()).toEqual(said);
    expect(await shown()).toEqual([]);
    expect(await kept()).toEqual(["How far is the moon?", said.join("")]);
    expect(asked).toBe(2);
  });
});
