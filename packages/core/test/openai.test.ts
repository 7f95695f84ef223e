import type { ChatCompletionMessage, ChatCompletionMessageParam } from "openai/resources/chat/completions/completions";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage } from "../src/messages/codec.js";
import { assistantMessage, systemMessage, toolResult, userMessage } from "../src/messages/helpers.js";
import type { ChatMessage, ContentBlock } from "../src/messages/message.js";
import { fromOpenAI, type OpenAIMessageInput, toOpenAI } from "../src/messages/openai.js";
import { everythingShownOf, failureOf } from "./support/errors.js";

/** What chat completions are sent: the types of the `openai` package check it as well. */
const conversation: ChatCompletionMessageParam[] = [
  { role: "developer", content: "Be brief." },
  {
    role: "system",
    content: [
      { type: "text", text: "You are helpful." },
      { type: "text", text: "And kind." },
    ],
    name: "rules",
  },
  { role: "user", content: "Weather in Bern and Zürich?", name: "alice" },
  {
    role: "assistant",
    content: null,
    tool_calls: [
      { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
      { id: "call_2", type: "function", function: { name: "weather", arguments: '{"city": "Zürich"}' } },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: "sunny" },
  {
    role: "tool",
    tool_call_id: "call_2",
    content: [
      { type: "text", text: "rain" },
      { type: "text", text: "later" },
    ],
  },
  { role: "assistant", content: "Sunny and rain." },
  {
    role: "user",
    content: [
      { type: "text", text: "And these?" },
      { type: "image_url", image_url: { url: "https://a.example/b.png", detail: "low" } },
      { type: "image_url", image_url: { url: "data:image/webp;base64,AAEC" } },
      { type: "input_audio", input_audio: { data: "AAEC", format: "wav" } },
      { type: "file", file: { file_data: "data:application/pdf;base64,JVBE", filename: "a.pdf" } },
      { type: "file", file: { file_id: "file-1" } },
      { type: "file", file: { file_id: "file-2", filename: "b.pdf" } },
    ],
  },
  { role: "user", content: [{ type: "image_url", image_url: { url: "https://a.example/only.png" } }] },
  { role: "assistant", content: null, refusal: "I can't." },
  { role: "assistant", content: "" },
  { role: "function", name: "old", content: "result" },
];

describe("chat completions", () => {
  it("become messages and the same chat completions again", () => {
    expect(toOpenAI(fromOpenAI(conversation))).toEqual(conversation);
  });

  it("do so after they were stored, too", () => {
    const kept = fromOpenAI(conversation).map((message) => decodeMessage(encodeMessage(message)));
    expect(kept).toEqual(fromOpenAI(conversation));
    expect(toOpenAI(kept)).toEqual(conversation);
  });

  it("have tool calls as blocks, with their arguments as they were written", () => {
    expect(fromOpenAI(conversation)[3]).toStrictEqual({
      role: "assistant",
      content: [
        { type: "tool_call", toolCallId: "call_1", toolName: "weather", toolKwargs: '{"city":"Bern"}' },
        { type: "tool_call", toolCallId: "call_2", toolName: "weather", toolKwargs: '{"city": "Zürich"}' },
      ],
    });
  });

  it("have tool results as LlamaIndex Python keeps them", () => {
    expect(fromOpenAI(conversation)[4]).toStrictEqual(toolResult("call_1", "sunny"));
  });

  it("have media as blocks", () => {
    expect(fromOpenAI(conversation)[7]?.content).toStrictEqual([
      { type: "text", text: "And these?" },
      { type: "image", url: "https://a.example/b.png", detail: "low" },
      { type: "image", image: "AAEC", mimeType: "image/webp" },
      { type: "audio", audio: "AAEC", format: "wav" },
      { type: "document", data: "JVBE", mimeType: "application/pdf", title: "a.pdf" },
      { type: "document", extra: { file_id: "file-1" } },
      { type: "document", title: "b.pdf", extra: { file_id: "file-2" } },
    ]);
  });

  it("of which one is an answer: what it doesn't have is left out, what it has is kept", () => {
    const answer: ChatCompletionMessage = {
      role: "assistant",
      content: "See a.example.",
      refusal: null,
      tool_calls: [],
      annotations: [
        { type: "url_citation", url_citation: { start_index: 4, end_index: 13, title: "A", url: "https://a.example" } },
      ],
    };
    expect(fromOpenAI([answer])).toStrictEqual([
      { role: "assistant", content: "See a.example.", additionalKwargs: { annotations: answer.annotations } },
    ]);
    expect(toOpenAI(fromOpenAI([answer]))).toStrictEqual([{ role: "assistant", content: "See a.example." }]);
  });

  it("with refusals as parts", () => {
    const message: ChatCompletionMessageParam = {
      role: "assistant",
      content: [
        { type: "refusal", refusal: "No." },
        { type: "text", text: "Sorry." },
        { type: "refusal", refusal: "Never." },
      ],
    };
    expect(fromOpenAI([message])).toStrictEqual([
      { role: "assistant", content: "Sorry.", additionalKwargs: { refusal: "No.\nNever." } },
    ]);
  });

  it("with custom tool calls, which are kept beside the others and can't be sent", async () => {
    const custom = { id: "call_2", type: "custom", custom: { name: "sql", input: "SELECT 1" } } as const;
    const message: ChatCompletionMessageParam = {
      role: "assistant",
      content: "Wait.",
      tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }, custom],
    };
    const [kept] = fromOpenAI([message]) as [ChatMessage];
    expect(kept).toStrictEqual({
      role: "assistant",
      content: [
        { type: "text", text: "Wait." },
        { type: "tool_call", toolCallId: "call_1", toolName: "f", toolKwargs: "{}" },
      ],
      additionalKwargs: { tool_calls: [custom] },
    });
    await failureOf(() => toOpenAI([kept]), "UNSUPPORTED");
  });

  it("don't share lists with what they were made of", () => {
    const source: ChatCompletionMessageParam[] = structuredClone(conversation);
    const messages = fromOpenAI(source);
    for (const message of messages) if (Array.isArray(message.content)) message.content.length = 0;
    expect(source).toEqual(conversation);
  });

  it("may hold __proto__, which pollutes nothing", () => {
    const message = JSON.parse('{"role":"user","content":"x","__proto__":{"polluted":1}}') as OpenAIMessageInput;
    const [{ additionalKwargs }] = fromOpenAI([message]) as [ChatMessage];
    expect(JSON.stringify(additionalKwargs)).toBe('{"__proto__":{"polluted":1}}');
    expect(Object.getPrototypeOf(additionalKwargs)).toBe(Object.prototype);
  });

  it.each<[string, unknown, string]>([
    ["null", null, "messages[0] must be"],
    ["no role", { content: "x" }, "messages[0].role"],
    ["another role", { role: "chatbot", content: "x" }, "messages[0].role"],
    ["content a number", { role: "user", content: 5 }, "messages[0].content"],
    ["a part that is text", { role: "user", content: ["x"] }, "messages[0].content[0]"],
    ["another part", { role: "user", content: [{ type: "input_text", text: "x" }] }, "messages[0].content[0]"],
    ["a part from Object.prototype", { role: "user", content: [{ type: "constructor" }] }, "messages[0].content[0]"],
    ["text without text", { role: "user", content: [{ type: "text" }] }, "messages[0].content[0]"],
    [
      "an image without url",
      { role: "user", content: [{ type: "image_url", image_url: "u" }] },
      "messages[0].content[0]",
    ],
    ["audio without data", { role: "user", content: [{ type: "input_audio" }] }, "messages[0].content[0]"],
    ["an empty file", { role: "user", content: [{ type: "file", file: {} }] }, "messages[0].content[0]"],
    ["a refusal without text", { role: "assistant", content: [{ type: "refusal" }] }, "messages[0].content[0]"],
    ["a tool call that is text", { role: "assistant", tool_calls: ["f()"] }, "messages[0].tool_calls[0]"],
  ])("refused: %s", async (_name, message, place) => {
    const failure = await failureOf(() => fromOpenAI([message as OpenAIMessageInput]), "INVALID_MESSAGE");
    expect(failure.message).toContain(place);
  });

  it("refused without a word of what they held", async () => {
    const secret = "s3cret-4711";
    for (const bad of [
      { role: secret },
      { role: "user", content: { secret } },
      { role: "user", content: [{ type: secret, text: secret }] },
    ]) {
      const failure = await failureOf(() => fromOpenAI([bad]), "INVALID_MESSAGE");
      expect(everythingShownOf(failure)).not.toContain(secret);
    }
  });
});

describe("messages for chat completions", () => {
  it("from the helpers", () => {
    const messages = [systemMessage("s"), userMessage("u"), assistantMessage("a"), toolResult("call_1", "t")];
    expect(toOpenAI(messages)).toStrictEqual([
      { role: "system", content: "s" },
      { role: "user", content: "u" },
      { role: "assistant", content: "a" },
      { role: "tool", content: "t", tool_call_id: "call_1" },
    ]);
  });

  it("roles of other models are assistants", () => {
    for (const role of ["chatbot", "model"] as const) {
      expect(toOpenAI([{ role, content: "x" }])).toStrictEqual([{ role: "assistant", content: "x" }]);
    }
  });

  it("tool calls from blocks and from additionalKwargs, each once", () => {
    const call = (id: string, text: string) => ({ id, type: "function", function: { name: "f", arguments: text } });
    const message: ChatMessage = {
      role: "assistant",
      content: [
        { type: "thinking", content: "hm" },
        { type: "tool_call", toolCallId: "1", toolName: "f", toolKwargs: { q: "x" } },
        { type: "tool_call", toolCallId: "2", toolName: "f", toolKwargs: '{ "as": "written"' },
        { type: "cache", cacheControl: { type: "ephemeral" } },
      ],
      additionalKwargs: {
        tool_calls: [call("2", "{}"), call("3", "{}"), { id: "4", function: { name: "f", arguments: { a: 1 } } }],
      },
    };
    expect(toOpenAI([message])).toStrictEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [call("1", '{"q":"x"}'), call("2", '{ "as": "written"'), call("3", "{}"), call("4", '{"a":1}')],
      },
    ]);
  });

  it("members of additionalKwargs that have no place there are left out", () => {
    const additionalKwargs = { name: "alice", tool_call_id: "1", score: 0.5, refusal: "no" };
    expect(toOpenAI([{ role: "user", content: "x", additionalKwargs }])).toStrictEqual([
      { role: "user", content: "x", name: "alice" },
    ]);
    expect(toOpenAI([{ role: "assistant", content: [], additionalKwargs }])).toStrictEqual([
      { role: "assistant", content: null, name: "alice", refusal: "no" },
    ]);
  });

  it("text of a function is one text", () => {
    const content: ContentBlock[] = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];
    expect(toOpenAI([{ role: "function", content, additionalKwargs: { name: "f" } }])).toStrictEqual([
      { role: "function", name: "f", content: "a\nb" },
    ]);
  });

  it.each<[string, ChatMessage, string]>([
    ["a video", userMessage([{ type: "video" }]), "of type video"],
    ["a citable", userMessage([{ type: "citable", title: "", source: "", content: [] }]), "of type citable"],
    ["an unknown block", userMessage([{ type: "unknown", raw: { block_type: "hologram" } }]), "of type unknown"],
    ["an image by path", userMessage([{ type: "image", path: "/a.png" }]), "an image by path"],
    ["a document by path", userMessage([{ type: "document", path: "/a.pdf" }]), "a document by path"],
    ["audio by url", userMessage([{ type: "audio", url: "https://a.example/b.wav" }]), "audio that is not base64"],
    ["audio of another format", userMessage([{ type: "audio", audio: "AAEC", format: "ogg" }]), "audio that is not"],
    ["an image of an assistant", assistantMessage([{ type: "image", url: "https://a.example" }]), "only user messages"],
    ["a tool result of no call", { role: "tool", content: "x" }, "no additionalKwargs.tool_call_id"],
    ["a function without a name", { role: "function", content: "x" }, "no additionalKwargs.name"],
    ["a call without an id", assistantMessage([{ type: "tool_call", toolName: "f", toolKwargs: {} }]), "without an id"],
  ])("UNSUPPORTED: %s", async (_name, message, problem) => {
    const failure = await failureOf(() => toOpenAI([userMessage("first"), message]), "UNSUPPORTED");
    expect(failure.message).toContain(`messages[1] `);
    expect(failure.message).toContain(problem);
  });
});

// These need no run: tsc checks them.
describe("the types of the openai package", () => {
  it("take what toOpenAI gives", () => {
    const sent: ChatCompletionMessageParam[] = toOpenAI([userMessage("x")]);
    expect(sent).toHaveLength(1);
  });

  it("give what fromOpenAI takes", () => {
    const answer: ChatCompletionMessage = { role: "assistant", content: "x", refusal: null };
    const history: ChatCompletionMessageParam[] = [{ role: "user", content: "x" }];
    expect(fromOpenAI([...history, answer])).toHaveLength(2);
    history.push(answer);
    expect(fromOpenAI(history)).toHaveLength(2);
  });
});
