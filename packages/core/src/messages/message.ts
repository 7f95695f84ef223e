/** Who speaks. The same roles as in LlamaIndex. */
export type MessageRole = "system" | "developer" | "user" | "assistant" | "function" | "tool" | "chatbot" | "model";

export const messageRoles: readonly MessageRole[] = [
  "system",
  "developer",
  "user",
  "assistant",
  "function",
  "tool",
  "chatbot",
  "model",
];

export function isRole(value: unknown): value is MessageRole {
  return messageRoles.includes(value as MessageRole);
}

/** Whatever JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** An object of JSON. `__proto__` is a member like any other. */
export interface JsonObject {
  [member: string]: JsonValue;
}

/** Stored members that this version does not know: kept, and written back as they were read. */
interface Extra {
  extra?: JsonObject | undefined;
}

/** Text. A message of one such block, with nothing else in it, reads as a string. */
export interface TextBlock extends Extra {
  type: "text";
  text: string;
}
/** A picture: `image` in base64, or where it is. */
export interface ImageBlock extends Extra {
  type: "image";
  image?: string | undefined;
  url?: string | undefined;
  path?: string | undefined;
  mimeType?: string | undefined;
  detail?: string | undefined;
}
/** Sound: `audio` in base64, or where it is. */
export interface AudioBlock extends Extra {
  type: "audio";
  audio?: string | undefined;
  url?: string | undefined;
  path?: string | undefined;
  format?: string | undefined;
}
/** A film: `video` in base64, or where it is. */
export interface VideoBlock extends Extra {
  type: "video";
  video?: string | undefined;
  url?: string | undefined;
  path?: string | undefined;
  mimeType?: string | undefined;
  detail?: string | undefined;
  fps?: number | undefined;
}
/** A file: `data` in base64, or where it is. */
export interface DocumentBlock extends Extra {
  type: "document";
  data?: string | undefined;
  url?: string | undefined;
  path?: string | undefined;
  title?: string | undefined;
  mimeType?: string | undefined;
}
/** Marks a place up to which a model may cache what it was sent. */
export interface CacheBlock extends Extra {
  type: "cache";
  cacheControl: { type: string; ttl?: string | undefined };
}
/** Content that a model may cite. */
export interface CitableBlock extends Extra {
  type: "citable";
  title: string;
  source: string;
  content: ContentBlock[];
}
/** What a model cited, and from where. */
export interface CitationBlock extends Extra {
  type: "citation";
  citedContent: ContentBlock;
  source: string;
  title: string;
  additionalLocationInfo: Record<string, number>;
}
/** What a model thought before it answered. */
export interface ThinkingBlock extends Extra {
  type: "thinking";
  content?: string | undefined;
  numTokens?: number | undefined;
  additionalInformation?: JsonObject | undefined;
}
/** A call that a model asks for. `toolKwargs` may be text as a model wrote it, and need not be valid JSON then. */
export interface ToolCallBlock extends Extra {
  type: "tool_call";
  toolCallId?: string | undefined;
  toolName: string;
  toolKwargs: JsonObject | string;
}
/** A block that this version does not know: kept, and written back as it was read. */
export interface UnknownBlock {
  type: "unknown";
  raw: JsonObject;
}

/** Content as LlamaIndex knows it, in camelCase, told apart by `type` (`block_type` when stored). Binary is base64 text. */
export type ContentBlock =
  | TextBlock
  | ImageBlock
  | AudioBlock
  | VideoBlock
  | DocumentBlock
  | CacheBlock
  | CitableBlock
  | CitationBlock
  | ThinkingBlock
  | ToolCallBlock
  | UnknownBlock;

/** What a store returns: the normal form. A single plain text block reads as a string, all else as blocks. */
export interface ChatMessage {
  role: MessageRole;
  content: string | ContentBlock[];
  /** LlamaIndex's `additional_kwargs`; absent when empty. Tool results carry `tool_call_id` here, as in Python. */
  additionalKwargs?: JsonObject | undefined;
  /** An application's own id (a UI message id, say). LlamaIndex Python ignores it, and drops it when it rewrites a message. */
  id?: string | undefined;
  /** Stored members that this version does not know: kept, and written back as they were read. */
  extra?: JsonObject | undefined;
}

type Binary<Block, Member extends keyof Block> = Omit<Block, Member> & {
  [M in Member]?: string | Uint8Array | undefined;
};

/** A block as a store accepts it: binary may be bytes. */
export type ContentBlockInput =
  | Exclude<ContentBlock, ImageBlock | AudioBlock | VideoBlock | DocumentBlock | CitableBlock | CitationBlock>
  | Binary<ImageBlock, "image">
  | Binary<AudioBlock, "audio">
  | Binary<VideoBlock, "video">
  | Binary<DocumentBlock, "data">
  | (Omit<CitableBlock, "content"> & { content: ContentBlockInput[] })
  | (Omit<CitationBlock, "citedContent"> & { citedContent: ContentBlockInput });

/**
 * What a store accepts: the normal form, or looser: the role is "user" when absent, and binary may be bytes. JSON members
 * may hold whatever `JSON.stringify` can write without loss; a value that it can't is `INVALID_MESSAGE`.
 */
export interface ChatMessageInput {
  role?: MessageRole | undefined;
  content: string | readonly ContentBlockInput[];
  additionalKwargs?: Readonly<Record<string, unknown>> | undefined;
  id?: string | undefined;
  extra?: Readonly<Record<string, unknown>> | undefined;
}
