import { chatStoreError, isChatStoreError } from "../errors.js";
import { addExtra, decodeBlock, encodeBlocks, encodeObject, otherMembers, refuseOtherMembers } from "./blocks.js";
import { endOfString, invalidMessage, isObject, type Path, parseJson } from "./json.js";
import {
  type ChatMessage,
  type ChatMessageInput,
  type ContentBlock,
  isRole,
  type JsonObject,
  type JsonValue,
  type MessageRole,
  messageRoles,
} from "./message.js";

/** A message as it is stored: the text of LlamaIndex's JSON, `{"role","additional_kwargs","blocks"}`, without spaces. */
export type Payload = string;

/** What a store's driver is given of messages, and how they come back from it. */
export interface Codec<P> {
  /** Of a message as a caller gave it, whatever it is. Throws `INVALID_MESSAGE`; `path` says where it stands in a list. */
  encode(message: unknown, path: (string | number)[]): P;
  /** In normal form, and nobody else's object. Throws `CORRUPT_MESSAGE`. */
  decode(payload: P): ChatMessage;
}

/** A message of text alone, as most are. Its stored form is known but for the text, which alone has to be written and parsed. */
interface PlainMessage {
  readonly role: MessageRole;
  readonly content: string;
}

/** By role, what stands before the text of a stored plain message. */
const plainBeginnings = new Map<string, { role: MessageRole; beginning: string }>(
  messageRoles.map((role) => {
    const beginning = `{"role":"${role}","additional_kwargs":{},"blocks":[{"block_type":"text","text":`;
    return [role, { role, beginning }];
  }),
);
const roleStart = '{"role":"'.length;
const plainEnd = "}]}";

const storedMembers = new Set(["role", "additional_kwargs", "blocks", "content", "id"]);

/**
 * Writes a message as LlamaIndex Python's `model_dump_json()` does, with `id` and `extra` as further members, which
 * Python ignores. Throws `INVALID_MESSAGE`.
 */
export function encodeMessage(message: ChatMessageInput): Payload {
  return textCodec.encode(message, []);
}

/** As the text that is sent to a backend. */
export const textCodec: Codec<Payload> = {
  encode: (message, path) => encode(message, path, encodePlain),
  decode: decodeMessage,
};

/** What is kept in memory: a plain message as it is, which takes a tenth of the time that its text takes, others as text. */
export type Kept = PlainMessage | Payload;

export const keptCodec: Codec<Kept> = {
  encode(message, path) {
    const kept = encode<Kept>(message, path, (plain) => plain);
    // What is plain though it was not written so has the same form, or an operation would not be known again.
    return typeof kept === "string" ? (decodePlain(kept) ?? kept) : kept;
  },
  decode: (kept) => (typeof kept === "string" ? decodeMessage(kept) : { role: kept.role, content: kept.content }),
};

export function keptAsText(kept: Kept): Payload {
  return typeof kept === "string" ? kept : encodePlain(kept);
}

function encode<P>(message: unknown, path: Path, encodePlain: (plain: PlainMessage) => P): P | Payload {
  try {
    const plain = plainMessage(message);
    return plain === undefined ? JSON.stringify(toStored(message, path)) : encodePlain(plain);
  } catch (error) {
    if (isChatStoreError(error)) throw error;
    // What a getter, a proxy or a `toJSON` of the caller's throws may quote the content.
    throw invalidMessage(path, "holds something that throws when it is read");
  }
}

/** A copy of a message of nothing but a role and text; undefined for any other. */
function plainMessage(message: unknown): PlainMessage | undefined {
  if (!isObject(message)) return undefined;
  for (const name of Object.keys(message)) {
    if (name !== "role" && name !== "content" && message[name] !== undefined) return undefined;
  }
  const { role = "user", content } = message;
  return isRole(role) && typeof content === "string" ? { role, content } : undefined;
}

function encodePlain({ role, content }: PlainMessage): Payload {
  return `${plainBeginnings.get(role)?.beginning}${JSON.stringify(content)}${plainEnd}`;
}

/** Undefined for any but a plain message. Parsing only the text takes a third of the time of parsing and checking all. */
function decodePlain(payload: Payload): PlainMessage | undefined {
  const plain = plainBeginnings.get(payload.slice(roleStart, payload.indexOf('"', roleStart)));
  if (plain === undefined) return undefined;
  const { role, beginning } = plain;
  const end = payload.length - plainEnd.length;
  // Not `startsWith`, which compares one character at a time.
  if (payload.slice(0, beginning.length) !== beginning || !payload.endsWith(plainEnd)) return undefined;
  if (endOfString(payload, beginning.length) !== end) return undefined;
  return { role, content: JSON.parse(payload.slice(beginning.length, end)) as string };
}

function toStored(message: unknown, path: Path): JsonObject {
  if (!isObject(message)) throw invalidMessage(path, "must be an object with role and content");
  const at = (member: string): Path => [...path, member];
  refuseOtherMembers(message, ["role", "content", "additionalKwargs", "id", "extra"], path);
  const { role = "user", content, additionalKwargs, id, extra } = message;
  if (!isRole(role)) throw invalidMessage(at("role"), `must be one of ${messageRoles.join(", ")}`);
  if (typeof content !== "string" && !Array.isArray(content)) {
    throw invalidMessage(at("content"), "must be text or a list of content blocks");
  }
  const stored: JsonObject = {
    role,
    additional_kwargs: additionalKwargs === undefined ? {} : encodeObject(additionalKwargs, at("additionalKwargs")),
    blocks:
      typeof content === "string" ? [{ block_type: "text", text: content }] : encodeBlocks(content, at("content")),
  };
  if (id !== undefined) {
    if (typeof id !== "string") throw invalidMessage(at("id"), "must be text");
    stored.id = id;
  }
  if (isObject(extra) && Object.hasOwn(extra, "content")) {
    throw invalidMessage([...at("extra"), "content"], "would be read as the content");
  }
  addExtra(stored, extra, at("extra"));
  return stored;
}

/** The message of a stored text, of this version or of any of LlamaIndex Python's. Throws `CORRUPT_MESSAGE`. */
export function decodeMessage(payload: Payload): ChatMessage {
  let stored: JsonValue;
  try {
    const plain = decodePlain(payload);
    if (plain !== undefined) return plain;
    stored = parseJson(payload) as JsonValue;
  } catch {
    // The parser's own message would quote the content.
    throw corrupt("it is not JSON");
  }
  return messageFromStored(stored);
}

/** As {@link decodeMessage}, from parsed JSON, of which the message then holds parts. */
export function messageFromStored(stored: JsonValue): ChatMessage {
  if (!isObject(stored)) throw corrupt("it is not an object");
  const { role = "user", additional_kwargs: kwargs, id } = stored as JsonObject;
  if (!isRole(role)) throw corrupt("its role is none that LlamaIndex knows");
  if (kwargs !== undefined && kwargs !== null && !isObject(kwargs)) throw corrupt("additional_kwargs is not an object");

  const message: ChatMessage = { role, content: decodeContent(stored as JsonObject) };
  if (isObject(kwargs) && Object.keys(kwargs).length > 0) message.additionalKwargs = kwargs as JsonObject;
  if (typeof id === "string") message.id = id;
  const extra = otherMembers(
    stored as JsonObject,
    (name) => storedMembers.has(name) && (name !== "id" || typeof id === "string"),
  );
  if (extra !== undefined) message.extra = extra;
  return message;
}

function decodeContent(stored: JsonObject): string | ContentBlock[] {
  // Before blocks there was only `content`; where both stand, LlamaIndex takes the content.
  const { content, blocks = [] } = stored;
  if (typeof content === "string") return content;
  const list = Array.isArray(content) ? content : blocks;
  if (!Array.isArray(list)) throw corrupt("blocks is not a list");
  const decoded = list.map((block) => {
    if (!isObject(block)) throw corrupt("a block is not an object");
    return decodeBlock(block as JsonObject);
  });
  const [only] = decoded;
  return decoded.length === 1 && only?.type === "text" && only.extra === undefined ? only.text : decoded;
}

function corrupt(problem: string) {
  return chatStoreError("CORRUPT_MESSAGE", `A stored message can't be decoded: ${problem}.`);
}
