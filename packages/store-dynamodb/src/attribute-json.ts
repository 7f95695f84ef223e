import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { chatStoreError, type Payload } from "@chatkeep/chat-store-core/backend";

// A message in LlamaIndex's item is a map of attributes, and not every JSON fits one: DynamoDB has no empty names, no
// numbers beyond 1E+126 or below 1E-130, at most 32 levels, and text is UTF-8. Such a message has a member more, which
// Python ignores, with its exact JSON; the rest is as near to it as the map can be.

/** The member with the exact JSON. */
const exactMember = "chatkeep";

/** Levels within the item at which a list or map may stand: the history is the first of them, a message the second. */
const deepest = 31;

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A stored message as a map attribute. */
export function toAttribute(payload: Payload): AttributeValue {
  const json = JSON.parse(payload) as { [name: string]: Json };
  const converter = new Converter();
  const { [exactMember]: collides, ...message } = json;
  const attribute = converter.convert(message, 2) as AttributeValue.MMember;
  if (converter.exact && collides === undefined) return attribute;
  // Escaped, so that half a surrogate pair is ASCII.
  const text = payload.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
  setMember(attribute.M, exactMember, { S: text });
  return attribute;
}

class Converter {
  exact = true;

  convert(value: Json, level: number): AttributeValue {
    if (value === null) return { NULL: true };
    switch (typeof value) {
      case "string":
        return { S: this.#text(value) };
      case "boolean":
        return { BOOL: value };
      case "number":
        return this.#number(value);
    }
    if (level > deepest) {
      this.exact = false;
      return { S: JSON.stringify(value) };
    }
    if (Array.isArray(value)) return { L: value.map((item) => this.convert(item, level + 1)) };
    const members: Record<string, AttributeValue> = {};
    for (const name of Object.keys(value)) {
      if (name === "") this.exact = false;
      else setMember(members, this.#text(name), this.convert(value[name] ?? null, level + 1));
    }
    return { M: members };
  }

  #text(text: string): string {
    const wellFormed = text.replace(/\p{Surrogate}/gu, "\ufffd");
    if (wellFormed !== text) this.exact = false;
    return wellFormed;
  }

  #number(value: number): AttributeValue {
    const size = Math.abs(value);
    if (size === 0 || (size >= 1e-130 && size <= 9.99e125)) return { N: String(value) };
    this.exact = false;
    return { S: String(value) };
  }
}

/** The JSON of a stored message, of ours or of Python's. */
export function toPayload(attribute: AttributeValue): Payload {
  const exact = attribute.M?.[exactMember]?.S;
  return exact ?? write(attribute);
}

function write(attribute: AttributeValue): string {
  const { S, N, BOOL, B, L, M, SS, NS, BS } = attribute;
  if (S !== undefined) return JSON.stringify(S);
  // As DynamoDB writes it: more digits than JavaScript has stay in the JSON.
  if (N !== undefined) return N;
  if (BOOL !== undefined) return String(BOOL);
  if (B !== undefined) return JSON.stringify(base64(B));
  if (L !== undefined) return `[${L.map(write).join(",")}]`;
  if (M !== undefined) {
    return `{${Object.entries(M)
      .map(([name, value]) => `${JSON.stringify(name)}:${write(value)}`)
      .join(",")}}`;
  }
  if (SS !== undefined) return JSON.stringify(SS);
  if (NS !== undefined) return `[${NS.join(",")}]`;
  if (BS !== undefined) return JSON.stringify(BS.map(base64));
  if (attribute.NULL !== undefined) return "null";
  throw chatStoreError("CORRUPT_MESSAGE", "A stored message holds an attribute of a type that is not known.");
}

/** LlamaIndex writes base64 text as binary, which it then can't read itself. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? text : btoa(text);
}

/** Sets a member so that `__proto__` is data like any other. */
function setMember(object: object, name: string, value: AttributeValue): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
