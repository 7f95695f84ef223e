import { chatStoreError } from "../errors.js";
import { invalidMessage, isObject, type Path, setMember } from "./json.js";
import type { ChatMessage, ContentBlock, JsonObject, JsonValue, MessageRole, ToolCallBlock } from "./message.js";
import { type ToolCall, toolCallsOf } from "./tool-calls.js";

/** Text as a part of a message. */
export interface OpenAITextPart {
  type: "text";
  text: string;
}
/** A part of a user's message. */
export type OpenAIContentPart =
  | OpenAITextPart
  | { type: "image_url"; image_url: { url: string; detail?: "auto" | "low" | "high" } }
  | { type: "input_audio"; input_audio: { data: string; format: "wav" | "mp3" } }
  | { type: "file"; file: { file_data?: string; file_id?: string; filename?: string } };

/** A call of a function; `arguments` is JSON as the model wrote it. */
export interface OpenAIToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** A message as OpenAI's chat completions, and every API made compatible with them, take it. */
export type OpenAIMessage =
  | { role: "system"; content: string | OpenAITextPart[]; name?: string }
  | { role: "developer"; content: string | OpenAITextPart[]; name?: string }
  | { role: "user"; content: string | OpenAIContentPart[]; name?: string }
  | {
      role: "assistant";
      content: string | OpenAITextPart[] | null;
      name?: string;
      refusal?: string;
      tool_calls?: OpenAIToolCall[];
      function_call?: { name: string; arguments: string };
    }
  | { role: "tool"; content: string | OpenAITextPart[]; tool_call_id: string }
  | { role: "function"; content: string; name: string };

/**
 * Messages for OpenAI's chat completions. Roles "chatbot" and "model" become "assistant". Thinking and cache blocks have no
 * place there and are left out, as are members of `additionalKwargs` other than `name`, `refusal`, `tool_calls`,
 * `tool_call_id` and the older `function_call`. A block that would take content with it (video, citations, a file by path) is `UNSUPPORTED`.
 */
export function toOpenAI(messages: readonly ChatMessage[]): OpenAIMessage[] {
  return messages.map(toOpenAIMessage);
}

function toOpenAIMessage(message: ChatMessage, index: number): OpenAIMessage {
  const kwargs = message.additionalKwargs ?? {};
  const name = typeof kwargs.name === "string" ? { name: kwargs.name } : {};
  switch (message.role) {
    case "system":
    case "developer":
      return { role: message.role, content: textOnly(message, index), ...name };
    case "user":
      return { role: "user", content: compact(toParts(message, index)), ...name };
    case "tool": {
      if (typeof kwargs.tool_call_id !== "string") throw unsupported(index, "has no additionalKwargs.tool_call_id");
      return { role: "tool", content: textOnly(message, index), tool_call_id: kwargs.tool_call_id };
    }
    case "function": {
      if (typeof kwargs.name !== "string") throw unsupported(index, "has no additionalKwargs.name");
      const content = textOnly(message, index);
      return {
        role: "function",
        content: typeof content === "string" ? content : content.map((p) => p.text).join("\n"),
        name: kwargs.name,
      };
    }
    case "assistant":
    case "chatbot":
    case "model": {
      const call = kwargs.function_call;
      const calls = toolCallsOf(message).map((call) => toOpenAIToolCall(call, index));
      const content = textOnly(message, index);
      return {
        role: "assistant",
        content: content.length === 0 && typeof content !== "string" ? null : content,
        ...name,
        ...(typeof kwargs.refusal === "string" ? { refusal: kwargs.refusal } : {}),
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
        ...(isObject(call) && typeof call.name === "string" && typeof call.arguments === "string"
          ? { function_call: { name: call.name, arguments: call.arguments } }
          : {}),
      };
    }
  }
}

function toOpenAIToolCall({ id, name, arguments: text, extra }: ToolCall, index: number): OpenAIToolCall {
  if (id === undefined) throw unsupported(index, "holds a tool call without an id");
  if (name === "") throw unsupported(index, "holds a tool call that is not of a function");
  return { ...extra, id, type: "function", function: { name, arguments: text } };
}

function textOnly(message: ChatMessage, index: number): string | OpenAITextPart[] {
  const parts = toParts(message, index).map((part) => {
    if (part.type !== "text")
      throw unsupported(index, `holds a part of type ${part.type}, which only user messages may`);
    return part;
  });
  return compact(parts);
}

function compact<Part extends { type: string }>(parts: Part[]): string | Part[] {
  const [only] = parts;
  return parts.length === 1 && only !== undefined && "text" in only && typeof only.text === "string"
    ? only.text
    : parts;
}

function toParts({ content }: ChatMessage, index: number): OpenAIContentPart[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return content.flatMap((block) => toPart(block, index));
}

function toPart(block: ContentBlock, index: number): OpenAIContentPart[] {
  switch (block.type) {
    case "text":
      return [{ type: "text", text: block.text }];
    case "image": {
      const url = block.image === undefined ? block.url : dataUrl(block.mimeType ?? "image/png", block.image);
      if (url === undefined) throw unsupported(index, "holds an image by path; give it as base64 or url");
      const detail = imageDetails.find((known) => known === block.detail);
      return [{ type: "image_url", image_url: detail === undefined ? { url } : { url, detail } }];
    }
    case "audio": {
      const { audio, format } = block;
      if (audio === undefined || (format !== "wav" && format !== "mp3")) {
        throw unsupported(index, "holds audio that is not base64 of format wav or mp3");
      }
      return [{ type: "input_audio", input_audio: { data: audio, format } }];
    }
    case "document": {
      const id = block.extra?.file_id;
      const filename = block.title === undefined ? {} : { filename: block.title };
      if (typeof id === "string") return [{ type: "file", file: { file_id: id, ...filename } }];
      if (block.data === undefined) throw unsupported(index, "holds a document by path or url; give it as base64");
      const data = dataUrl(block.mimeType ?? "application/pdf", block.data);
      return [{ type: "file", file: { file_data: data, ...filename } }];
    }
    case "thinking":
    case "cache":
    case "tool_call":
      return [];
    default:
      throw unsupported(index, `holds a block of type ${block.type}`);
  }
}

const imageDetails = ["auto", "low", "high"] as const;

function dataUrl(mimeType: string, base64: string): string {
  return `data:${mimeType};base64,${base64}`;
}

function unsupported(index: number, problem: string) {
  return chatStoreError("UNSUPPORTED", `messages[${index}] ${problem}, which OpenAI's chat completions can't take.`);
}

/** Any message of OpenAI's chat completions: one that is sent, or one that came as an answer. */
export interface OpenAIMessageInput {
  role: string;
  content?: unknown;
}

/**
 * Messages of OpenAI's chat completions (to send or received) in the form that stores keep. Tool calls become `tool_call`
 * blocks with their arguments as text; custom tool calls and other members are kept in `additionalKwargs`. Throws
 * `INVALID_MESSAGE` for what no chat completion has.
 */
export function fromOpenAI(messages: readonly OpenAIMessageInput[]): ChatMessage[] {
  return messages.map((message, index) => fromOpenAIMessage(message, ["messages", index]));
}

const openAIRoles = new Set(["system", "developer", "user", "assistant", "tool", "function"]);

function fromOpenAIMessage(message: OpenAIMessageInput, path: Path): ChatMessage {
  if (!isObject(message)) throw invalidMessage(path, "must be an object with role and content");
  const { role, content, ...rest } = message as { role: string; content?: unknown } & Record<string, JsonValue>;
  if (!openAIRoles.has(role)) throw invalidMessage([...path, "role"], "is not a role of OpenAI's chat completions");
  const kwargs: JsonObject = {};
  for (const [name, value] of Object.entries(rest)) {
    // Answers carry null or an empty list for whatever they do not have.
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    if (name !== "tool_calls") setMember(kwargs, name, value);
  }
  const blocks = fromContent(content, kwargs, [...path, "content"]);
  const custom: JsonObject[] = [];
  for (const [index, call] of (Array.isArray(rest.tool_calls) ? rest.tool_calls : []).entries()) {
    if (!isObject(call)) throw invalidMessage([...path, "tool_calls", index], "must be an object");
    const block = fromToolCall(call as JsonObject);
    if (block !== undefined) blocks.push(block);
    else custom.push(call as JsonObject);
  }
  if (custom.length > 0) kwargs.tool_calls = custom;
  const [only] = blocks;
  const normal: ChatMessage = {
    role: role as MessageRole,
    content: blocks.length === 1 && only?.type === "text" ? only.text : blocks,
  };
  if (Object.keys(kwargs).length > 0) normal.additionalKwargs = kwargs;
  return normal;
}

function fromContent(content: unknown, kwargs: JsonObject, path: Path): ContentBlock[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalidMessage(path, "must be text, null or a list of parts");
  return content.flatMap((part: unknown, index) => fromPart(part, kwargs, [...path, index]));
}

function fromPart(part: unknown, kwargs: JsonObject, path: Path): ContentBlock[] {
  const { type, ...rest } = isObject(part) ? part : {};
  const member = isObject(rest[String(type)]) ? (rest[String(type)] as Record<string, unknown>) : {};
  switch (type) {
    case "text":
      if (typeof rest.text === "string") return [{ type: "text", text: rest.text }];
      break;
    case "refusal":
      if (typeof rest.refusal !== "string") break;
      kwargs.refusal = typeof kwargs.refusal === "string" ? `${kwargs.refusal}\n${rest.refusal}` : rest.refusal;
      return [];
    case "image_url": {
      if (typeof member.url !== "string") break;
      const inline = parseDataUrl(member.url);
      const image = inline === undefined ? { url: member.url } : { image: inline.data, mimeType: inline.mimeType };
      return [{ type: "image", ...image, ...(typeof member.detail === "string" ? { detail: member.detail } : {}) }];
    }
    case "input_audio":
      if (typeof member.data === "string")
        return [
          {
            type: "audio",
            audio: member.data,
            ...(typeof member.format === "string" ? { format: member.format } : {}),
          },
        ];
      break;
    case "file": {
      const title = typeof member.filename === "string" ? { title: member.filename } : {};
      if (typeof member.file_id === "string")
        return [{ type: "document", ...title, extra: { file_id: member.file_id } }];
      if (typeof member.file_data !== "string") break;
      const inline = parseDataUrl(member.file_data);
      const data = inline === undefined ? { data: member.file_data } : { data: inline.data, mimeType: inline.mimeType };
      return [{ type: "document", ...data, ...title }];
    }
  }
  throw invalidMessage(path, "is not a content part that OpenAI's chat completions have");
}

function parseDataUrl(url: string): { mimeType: string; data: string } | undefined {
  const head = /^data:([^;,]+);base64,/.exec(url);
  return head?.[1] === undefined ? undefined : { mimeType: head[1], data: url.slice(head[0].length) };
}

function fromToolCall(call: JsonObject): ToolCallBlock | undefined {
  // What an API adds to a call of its own (a signature of its reasoning, say) it may want back.
  const { function: called, id, type: _, ...extra } = call;
  if (!isObject(called) || typeof called.name !== "string" || typeof called.arguments !== "string") return undefined;
  return {
    type: "tool_call",
    ...(typeof id === "string" ? { toolCallId: id } : {}),
    toolName: called.name,
    toolKwargs: called.arguments,
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
