export type {
  AbortSignalLike,
  AddOptions,
  ChatStore,
  KeyOptions,
  ListKeysOptions,
  MessagePage,
  PageOptions,
  ReadOptions,
  WriteOptions,
} from "./chat-store.js";
export { type ChatStoreError, type ChatStoreErrorCode, isChatStoreError, type WriteOutcome } from "./errors.js";
export { ChatMemoryBuffer, type ChatMemoryBufferOptions, type WindowOptions } from "./memory/chat-memory-buffer.js";
export type { Tokenizer } from "./memory/token-meter.js";
export { assistantMessage, systemMessage, textOf, toolResult, userMessage } from "./messages/helpers.js";
export type {
  AudioBlock,
  CacheBlock,
  ChatMessage,
  ChatMessageInput,
  CitableBlock,
  CitationBlock,
  ContentBlock,
  ContentBlockInput,
  DocumentBlock,
  ImageBlock,
  JsonObject,
  JsonValue,
  MessageRole,
  TextBlock,
  ThinkingBlock,
  ToolCallBlock,
  UnknownBlock,
  VideoBlock,
} from "./messages/message.js";
export { SimpleChatStore, type SimpleChatStoreOptions } from "./simple/simple-chat-store.js";
