import type { ChatMessageInput, ContentBlockInput } from "@chatkeep/chat-store-core";

const block = (...content: ContentBlockInput[]): ChatMessageInput => ({ role: "assistant", content });
const url = "https://example.com/a";

/** Messages of every role and with every block that LlamaIndex Python knows, in a form that survives its validation. */
export const samples = {
  system: { role: "system", content: "I am a role" },
  developer: { role: "developer", content: "I am a role" },
  user: { role: "user", content: "I am a role" },
  assistant: { role: "assistant", content: "I am a role" },
  function: { role: "function", content: "I am a role" },
  tool: { role: "tool", content: "I am a role" },
  chatbot: { role: "chatbot", content: "I am a role" },
  model: { role: "model", content: "I am a role" },
  "an empty text": { role: "user", content: "" },
  "odd text": { role: "user", content: "NUL \u0000, 你好, 👩‍👩‍👧, \u2028, \"quoted\", \\, 'single'" },
  "a text that looks like JSON": { role: "user", content: '{"role": "user"}' },
  "a text that looks like a number": { role: "user", content: "123" },
  "no content": { role: "assistant", content: [] },
  "two texts": {
    role: "user",
    content: [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ],
  },
  "a tool's answer": { role: "tool", content: "42", additionalKwargs: { tool_call_id: "call_1", name: "search" } },
  "additional kwargs": {
    role: "assistant",
    content: "x",
    additionalKwargs: { tool_calls: [{ id: "c", function: { arguments: "{}" } }], n: 5, none: null, yes: true },
  },
  "a float": { role: "user", content: "x", additionalKwargs: { score: 0.25 } },
  "an image": block({ type: "image", image: "aGk=", mimeType: "image/png" }),
  "an image's URL": block({ type: "image", url: `${url}.png`, mimeType: "image/png", detail: "low" }),
  audio: block({ type: "audio", audio: "aGk=", format: "wav" }),
  "audio's URL": block({ type: "audio", url: `${url}.wav`, format: "wav" }),
  video: block({ type: "video", video: "aGk=", mimeType: "video/mp4", fps: 2 }),
  "a video's URL": block({ type: "video", url: `${url}.mp4`, mimeType: "video/mp4" }),
  document: block({ type: "document", data: "aGk=", title: "title", mimeType: "application/pdf" }),
  "a document's URL": block({ type: "document", url: `${url}.pdf`, title: "title", mimeType: "application/pdf" }),
  cache: block({ type: "cache", cacheControl: { type: "ephemeral", ttl: "5m" } }),
  citable: block({ type: "citable", title: "t", source: "s", content: [{ type: "text", text: "cited" }] }),
  citation: block({
    type: "citation",
    citedContent: { type: "text", text: "x" },
    source: "s",
    title: "t",
    additionalLocationInfo: { page: 3 },
  }),
  thinking: block({ type: "thinking", content: "hmm", numTokens: 3, additionalInformation: { signature: "abc" } }),
  "a tool call": block({
    type: "tool_call",
    toolCallId: "c",
    toolName: "search",
    toolKwargs: { q: "x", n: [1, null] },
  }),
  "a tool call with text": block({ type: "tool_call", toolName: "search", toolKwargs: '{"q":1.0}' }),
} satisfies Record<string, ChatMessageInput>;

export type SampleName = keyof typeof samples;
