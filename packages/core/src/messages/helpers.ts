import type { ChatMessage, ContentBlock } from "./message.js";

/** What a person said. */
export function userMessage(content: string | ContentBlock[]): ChatMessage {
  return { role: "user", content };
}

/** What the model answered. */
export function assistantMessage(content: string | ContentBlock[]): ChatMessage {
  return { role: "assistant", content };
}

/** Instructions to the model. */
export function systemMessage(content: string | ContentBlock[]): ChatMessage {
  return { role: "system", content };
}

/** What a tool answered to the call `toolCallId`. */
export function toolResult(toolCallId: string, content: string | ContentBlock[]): ChatMessage {
  return { role: "tool", content, additionalKwargs: { tool_call_id: toolCallId } };
}

/** The text of a message: of its text blocks, one a line. Empty when it has none. */
export function textOf(message: Pick<ChatMessage, "content">): string {
  return textBlocks(message).join("\n");
}

/** The text that LlamaIndex Python counts: `str(message.content)`, where the content of a message without text is None. */
export function pythonText(message: Pick<ChatMessage, "content">): string {
  const texts = textBlocks(message);
  return texts.length === 0 ? "None" : texts.join("\n");
}

function textBlocks({ content }: Pick<ChatMessage, "content">): string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((block) => (block.type === "text" ? [block.text] : []));
}
