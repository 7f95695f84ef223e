import { chatStoreError, type Payload, stringifySpaced } from "@chatkeep/chat-store-core/backend";
import type { Entity } from "./requests.js";

// A message as LlamaIndex Python's `serialize` writes it for Table Storage: each member a text property of Python's JSON,
// in parts where it is too long for one. `deserialize` reads it, and what else it finds it leaves alone.

/** A message: where it is, when it is there already, and its properties. */
export interface Item {
  rowKey?: string | undefined;
  properties: Entity;
}

/** Members of a message that are none of LlamaIndex's, as JSON. Python ignores it. */
const extraProperty = "chatkeep_extra";
/** What our clients write beside a message, and what the service does. */
const foreign = /^(?:partitionKey|rowKey|timestamp|etag|odata\..*|chatkeep.*)$/;

/** `STORAGE_MAX_ITEM_PROPERTY_VALUE_SIZE`: of a part in UTF-16, where Python's begins with a byte order mark. */
const partBytes = 65_536;
const partMark = "_part_";
/** "Understanding the Table service data model": 1 MiB, with two bytes a character. */
const entityBytes = 1024 * 1024;
/** For keys, names and what our clients write beside. */
const otherBytes = 72 * 1024;

/** JSON has as many characters in the entity as in the payload, or more. */
export const maxPayloadBytes = entityBytes / 2;

export function toItem(payload: Payload): Item {
  const { role, additional_kwargs, blocks, ...extra } = JSON.parse(payload) as Record<string, unknown>;
  const properties: Record<string, unknown> = {};
  const write = (name: string, value: unknown) => {
    const text = stringifySpaced(value, { ascii: true });
    for (const [part, of] of split(name, text)) properties[part] = of;
  };
  write("role", role);
  write("additional_kwargs", additional_kwargs);
  write("blocks", blocks);
  if (Object.keys(extra).length > 0) write(extraProperty, extra);
  if (sizeOf(properties) > entityBytes - otherBytes) {
    const problem =
      'The message would be larger than the 1 MiB of an entity, where each character takes two bytes, or twelve beyond ASCII. The layout "chatkeep" has no such limit.';
    throw chatStoreError("MESSAGE_TOO_LARGE", problem);
  }
  return { properties };
}

export function toPayload({ properties }: Item): Payload {
  const texts = new Map<string, string>();
  for (const [name, text] of joined(properties)) texts.set(name, text);
  const members: string[] = [];
  const add = (name: string, json: string | undefined) => {
    if (json !== undefined) members.push(`${JSON.stringify(name)}:${json}`);
  };
  add("role", jsonOf(texts.get("role")));
  add("additional_kwargs", jsonOf(texts.get("additional_kwargs")));
  add("blocks", jsonOf(texts.get("blocks")));
  // Before there were blocks; as it is, whatever it looks like.
  const content = texts.get("content");
  add("content", content === undefined ? undefined : JSON.stringify(content));
  const extra = jsonOf(texts.get(extraProperty));
  if (extra?.startsWith("{") && extra !== "{}") members.push(extra.slice(1, -1));
  return `{${members.join(",")}}`;
}

/** A property's bytes are those of its name and its text, each character two. */
export function sizeOf(properties: Entity): number {
  return Object.entries(properties).reduce(
    (sum, [name, value]) => sum + 2 * (name.length + String(value).length) + 8,
    0,
  );
}

/** The properties of a message, without those of the service and of ours beside it. */
export function messageOf(entity: Entity): Entity {
  return Object.fromEntries(Object.entries(entity).filter(([name]) => !foreign.test(name) || isExtra(name)));
}

function isExtra(name: string): boolean {
  return name === extraProperty || name.startsWith(`${extraProperty}${partMark}`);
}

/** As Python cuts it: the first part is by one character shorter, for the byte order mark. */
function split(name: string, text: string): [name: string, text: string][] {
  if (2 * text.length + 2 < partBytes) return [[name, text]];
  const parts: [string, string][] = [];
  const most = partBytes / 2;
  for (let at = 0; at < text.length; ) {
    const length = parts.length === 0 ? most - 1 : most;
    parts.push([`${name}${partMark}${parts.length + 1}`, text.slice(at, at + length)]);
    at += length;
  }
  return parts;
}

function* joined(properties: Entity): Generator<[name: string, text: string]> {
  const parts = new Map<string, [number: number, text: string][]>();
  for (const [name, text] of Object.entries(properties)) {
    if (typeof text !== "string") continue;
    const [, base, number] = /^(.*)_part_(\d+)$/s.exec(name) ?? [];
    if (base === undefined) yield [name, text];
    else parts.set(base, [...(parts.get(base) ?? []), [Number(number), text]]);
  }
  for (const [name, list] of parts) {
    const sorted = list.toSorted(([a], [b]) => a - b);
    // Python's first part begins with the byte order mark of its encoding, if it was cut by a version that leaves it there.
    yield [
      name,
      sorted
        .map(([, text]) => text)
        .join("")
        .replace(/^\ufeff/, ""),
    ];
  }
}

/** JSON text as it is; what is none, as Python's fallback takes it, is a text. */
function jsonOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
