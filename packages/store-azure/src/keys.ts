import { createHash } from "node:crypto";

// "Understanding the Table service data model": a key must not hold `/ \ # ?` or control characters, and `%` has broken
// APIs. Letters, digits and few signs stay, every other byte of UTF-8 is `~XX`; so two conversations never share a name.

/** How a key is written where the service wants a PartitionKey or a RowKey. */
export interface KeyName {
  name: string;
  /** Too long to be written out: the name is a hash, and the key itself must be stored and compared. */
  hashed: boolean;
}

const encoder = new TextEncoder();
/** Names of keys written out begin so, and so do hashes. */
const plainMark = "k-";
const hashMark = "h-";

export function nameOf(key: string, most: number): KeyName {
  const name = `${plainMark}${encodeBytes(key)}`;
  if (name.length <= most) return { name, hashed: false };
  return { name: `${hashMark}${createHash("sha256").update(key).digest("hex")}`, hashed: true };
}

export interface NameRange {
  from: string;
  before: string;
}

/**
 * Ranges in which the names of all keys with a prefix lie, first included and last not; the hashes may be of any key.
 */
export function nameRanges(prefix: string, most: number): NameRange[] {
  const hashes = { from: hashMark, before: after(hashMark) };
  const from = `${plainMark}${encodeBytes(prefix)}`;
  return from.length > most ? [hashes] : [{ from, before: after(from) }, hashes];
}

/** The least text above all that begin with this one. None of the signs in use is the last that there is. */
export function after(text: string): string {
  return `${text.slice(0, -1)}${String.fromCharCode(text.charCodeAt(text.length - 1) + 1)}`;
}

function encodeBytes(text: string): string {
  let encoded = "";
  for (const byte of encoder.encode(text)) {
    const sign = String.fromCharCode(byte);
    encoded += /[\w.-]/.test(sign) ? sign : `~${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
