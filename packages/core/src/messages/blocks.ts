import { depthOf, invalidMessage, isObject, type Path, setMember, toJson } from "./json.js";
import type { ContentBlock, JsonObject, JsonValue } from "./message.js";

/** What a member of a block holds. The optional ones are stored as null when absent, as LlamaIndex does. */
type Kind =
  | "text"
  | "text?"
  | "binary?"
  | "number?"
  | "object?" // stored as {} when absent
  | "object|text" // read as {} when absent
  | "numbers"
  | "cacheControl"
  | "block"
  | "blocks";

/** [member here, member as stored, kind], in the order in which LlamaIndex writes them. */
type Field = readonly [name: string, stored: string, kind: Kind];

const blockFields: ReadonlyMap<string, readonly Field[]> = new Map(
  Object.entries({
    text: [["text", "text", "text"]],
    image: [
      ["image", "image", "binary?"],
      ["path", "path", "text?"],
      ["url", "url", "text?"],
      ["mimeType", "image_mimetype", "text?"],
      ["detail", "detail", "text?"],
    ],
    audio: [
      ["audio", "audio", "binary?"],
      ["path", "path", "text?"],
      ["url", "url", "text?"],
      ["format", "format", "text?"],
    ],
    video: [
      ["video", "video", "binary?"],
      ["path", "path", "text?"],
      ["url", "url", "text?"],
      ["mimeType", "video_mimetype", "text?"],
      ["detail", "detail", "text?"],
      ["fps", "fps", "number?"],
    ],
    document: [
      ["data", "data", "binary?"],
      ["path", "path", "text?"],
      ["url", "url", "text?"],
      ["title", "title", "text?"],
      ["mimeType", "document_mimetype", "text?"],
    ],
    cache: [["cacheControl", "cache_control", "cacheControl"]],
    citable: [
      ["title", "title", "text"],
      ["source", "source", "text"],
      ["content", "content", "blocks"],
    ],
    citation: [
      ["citedContent", "cited_content", "block"],
      ["source", "source", "text"],
      ["title", "title", "text"],
      ["additionalLocationInfo", "additional_location_info", "numbers"],
    ],
    thinking: [
      ["content", "content", "text?"],
      ["numTokens", "num_tokens", "number?"],
      ["additionalInformation", "additional_information", "object?"],
    ],
    tool_call: [
      ["toolCallId", "tool_call_id", "text?"],
      ["toolName", "tool_name", "text"],
      ["toolKwargs", "tool_kwargs", "object|text"],
    ],
  } satisfies Record<Exclude<ContentBlock["type"], "unknown">, Field[]>),
);

const decoders: Record<Kind, (stored: unknown, depth: number) => unknown> = {
  text: (stored) => (typeof stored === "string" ? stored : misfit),
  "text?": (stored) => (typeof stored === "string" ? stored : absentOr(stored)),
  "binary?": (stored) => (typeof stored === "string" ? stored : absentOr(stored)),
  "number?": (stored) => (typeof stored === "number" ? stored : absentOr(stored)),
  "object?": (stored) => (isObject(stored) ? (Object.keys(stored).length > 0 ? stored : undefined) : absentOr(stored)),
  "object|text": (stored) =>
    stored === undefined ? {} : isObject(stored) || typeof stored === "string" ? stored : misfit,
  numbers: (stored) =>
    isObject(stored) && Object.values(stored).every((n) => typeof n === "number") ? stored : misfit,
  cacheControl(stored) {
    if (!isObject(stored) || typeof stored.type !== "string") return misfit;
    if (Object.keys(stored).some((name) => name !== "type" && name !== "ttl")) return misfit;
    if (stored.ttl === undefined || stored.ttl === null) return { type: stored.type };
    return typeof stored.ttl === "string" ? { type: stored.type, ttl: stored.ttl } : misfit;
  },
  block: (stored, depth) => (isObject(stored) ? decodeBlock(stored as JsonObject, depth + 1) : misfit),
  blocks: (stored, depth) =>
    Array.isArray(stored) && stored.every(isObject)
      ? stored.map((block) => decodeBlock(block as JsonObject, depth + 1))
      : misfit,
};

/** How many steps lead to a block at most: two to one of a message, and two for each block that it is within. */
const maxSteps = 100;

/** Says that a stored member is not of its kind. */
const misfit = Symbol("misfit");

function absentOr(stored: unknown): undefined | typeof misfit {
  return stored === undefined || stored === null ? undefined : misfit;
}

/**
 * A stored block in normal form. One of an unknown type, or of a known type with a member that doesn't fit it, is kept
 * whole as an `unknown` block rather than half understood, and so is one that is deeper within others than can be written.
 */
export function decodeBlock(stored: JsonObject, depth = 0): ContentBlock {
  const type = stored.block_type;
  const fields = typeof type === "string" && 2 + 2 * depth < maxSteps ? blockFields.get(type) : undefined;
  if (fields === undefined) return { type: "unknown", raw: stored };
  const block: Record<string, unknown> = { type };
  for (const [name, storedName, kind] of fields) {
    const value = decoders[kind](stored[storedName], depth);
    if (value === misfit) return { type: "unknown", raw: stored };
    if (value !== undefined) block[name] = value;
  }
  const extra = otherMembers(stored, (name) => name === "block_type" || fields.some((field) => field[1] === name));
  if (extra !== undefined) block.extra = extra;
  // `blockFields` has the members of each type, and `decoders` their values.
  return block as unknown as ContentBlock;
}

/** The members of `stored` that are not known; undefined when there are none. */
export function otherMembers(stored: JsonObject, known: (name: string) => boolean): JsonObject | undefined {
  let extra: JsonObject | undefined;
  for (const name of Object.keys(stored)) {
    if (known(name)) continue;
    extra ??= {};
    setMember(extra, name, stored[name]);
  }
  return extra;
}

const encoders: Record<Kind, (value: unknown, path: Path) => JsonValue> = {
  text: (value, path) => {
    if (typeof value !== "string") throw invalidMessage(path, "must be text");
    return value;
  },
  "text?": (value, path) => (value === undefined ? null : encoders.text(value, path)),
  "binary?": (value, path) => {
    if (value instanceof Uint8Array) return base64(value);
    if (value === undefined || typeof value === "string") return value ?? null;
    throw invalidMessage(path, "must be base64 text or a Uint8Array");
  },
  "number?": (value, path) => {
    if (value === undefined) return null;
    if (typeof value !== "number") throw invalidMessage(path, "must be a number");
    return toJson(value, path);
  },
  "object?": (value, path) => (value === undefined ? {} : encodeObject(value, path)),
  "object|text": (value, path) => (typeof value === "string" ? value : encodeObject(value, path)),
  numbers: (value, path) => {
    const object = encodeObject(value, path);
    for (const [name, member] of Object.entries(object)) {
      if (typeof member !== "number") throw invalidMessage([...path, name], "must be a number");
    }
    return object;
  },
  cacheControl: (value, path) => {
    const { type, ttl, ...rest } = encodeObject(value, path);
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) throw invalidMessage([...path, unknown], "is not a member of cacheControl");
    const stored: JsonObject = { type: encoders.text(type, [...path, "type"]) };
    // LlamaIndex has a default for it, and refuses the whole history when it is null.
    if (ttl !== undefined && ttl !== null) stored.ttl = encoders.text(ttl, [...path, "ttl"]);
    return stored;
  },
  block: (value, path) => encodeBlock(value, path),
  blocks: (value, path) => encodeBlocks(value, path),
};

export function encodeBlocks(blocks: unknown, path: Path): JsonObject[] {
  if (!Array.isArray(blocks)) throw invalidMessage(path, "must be a list of content blocks");
  return Array.from(blocks, (block: unknown, index) => {
    path.push(index);
    const encoded = encodeBlock(block, path);
    path.pop();
    return encoded;
  });
}

function encodeBlock(block: unknown, path: Path): JsonObject {
  if (depthOf(path) > maxSteps) throw invalidMessage(path.slice(0, 8), "nests blocks too deep, or holds itself");
  if (!isObject(block)) throw invalidMessage(path, "must be a content block, an object with a type");
  const { type } = block;
  if (type === "unknown") {
    refuseOtherMembers(block, ["type", "raw"], path);
    return encodeObject(block.raw, [...path, "raw"]);
  }
  const fields = typeof type === "string" ? blockFields.get(type) : undefined;
  if (fields === undefined) {
    const known = [...blockFields.keys(), "unknown"].join(", ");
    throw invalidMessage([...path, "type"], `is not a type of content block (${known})`);
  }
  refuseOtherMembers(block, ["type", "extra", ...fields.map(([name]) => name)], path);
  const stored: JsonObject = { block_type: type as string };
  for (const [name, storedName, kind] of fields) {
    path.push(name);
    stored[storedName] = encoders[kind](block[name], path);
    path.pop();
  }
  addExtra(stored, block.extra, [...path, "extra"]);
  return stored;
}

export function encodeObject(value: unknown, path: Path): JsonObject {
  const json = toJson(value, path);
  if (!isObject(json)) throw invalidMessage(path, "must be an object");
  return json;
}

/** Adds what `extra` holds to the stored members; one that the format itself has is refused, since it would be lost. */
export function addExtra(stored: JsonObject, extra: unknown, path: Path): void {
  if (extra === undefined) return;
  for (const [name, value] of Object.entries(encodeObject(extra, path))) {
    if (Object.hasOwn(stored, name)) throw invalidMessage([...path, name], "is a member that the format itself has");
    setMember(stored, name, value);
  }
}

export function refuseOtherMembers(object: Record<string, unknown>, known: readonly string[], path: Path): void {
  for (const name of Object.keys(object)) {
    if (object[name] === undefined || known.includes(name)) continue;
    const advice =
      "would be lost: put an application's own data into additionalKwargs, and convert OpenAI's messages with fromOpenAI";
    throw invalidMessage([...path, name], `is not a member here, and ${advice}`);
  }
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  // fromCharCode takes its input as arguments, whose number is limited.
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(binary);
}
