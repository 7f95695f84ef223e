import { isObject } from "./json.js";
import type { ChatMessage, JsonObject } from "./message.js";

/** A call that a message makes, from a block or in OpenAI's form from `additionalKwargs`. */
export interface ToolCall {
  id: string | undefined;
  name: string;
  /** JSON text. */
  arguments: string;
  /** Further members, of an API that adds its own. */
  extra?: JsonObject | undefined;
}

/** The tool calls of a message. LlamaIndex Python keeps them in blocks, in `additional_kwargs.tool_calls`, or in both. */
export function toolCallsOf(message: ChatMessage): ToolCall[] {
  const calls: ToolCall[] = [];
  const add = (call: ToolCall) => {
    if (call.id === undefined || !calls.some((known) => known.id === call.id)) calls.push(call);
  };
  for (const block of typeof message.content === "string" ? [] : message.content) {
    if (block.type !== "tool_call") continue;
    const { toolCallId, toolName, toolKwargs, extra } = block;
    const text = typeof toolKwargs === "string" ? toolKwargs : JSON.stringify(toolKwargs);
    add({ id: toolCallId, name: toolName, arguments: text, extra });
  }
  const more = message.additionalKwargs?.tool_calls;
  for (const call of Array.isArray(more) ? more : []) {
    if (!isObject(call)) continue;
    const called = isObject(call.function) ? call.function : {};
    add({
      id: typeof call.id === "string" ? call.id : undefined,
      name: typeof called.name === "string" ? called.name : "",
      arguments: typeof called.arguments === "string" ? called.arguments : JSON.stringify(called.arguments ?? {}),
    });
  }
  return calls;
}
