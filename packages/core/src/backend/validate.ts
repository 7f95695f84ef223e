import { chatStoreError } from "../errors.js";

/** Longest key, in UTF-8 bytes. */
const maxKeyBytes = 512;
const maxOperationIdBytes = 128;
/** Most keys that are asked for at a time. */
export const maxKeyPageSize = 1_000;

const encoder = new TextEncoder();

/** Length in UTF-8, where a lone surrogate counts three bytes as the replacement character does. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** Whether the UTF-8 form has at most `bytes`, without encoding it when its length alone tells. */
export function fitsUtf8(text: string, bytes: number): boolean {
  return text.length * 3 <= bytes || (text.length <= bytes && utf8Length(text) <= bytes);
}

/** A lone surrogate has no UTF-8: services replace or refuse it, and two keys would become one. */
const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text);

/** Whether it is a key: what others stored under something else can't be asked for. */
export function isKey(key: string): boolean {
  return key !== "" && isWellFormed(key) && fitsUtf8(key, maxKeyBytes);
}

/** Whether a key can begin with it: services refuse what is too long, or no text, also where they only compare. */
export function mayBeginKey(prefix: string): boolean {
  return isWellFormed(prefix) && fitsUtf8(prefix, maxKeyBytes);
}

export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== "string") throw chatStoreError("INVALID_KEY", `A key is text, not ${describe(key)}.`);
  if (key === "") throw chatStoreError("INVALID_KEY", "A key must not be empty.");
  if (!isWellFormed(key))
    throw chatStoreError("INVALID_KEY", "A key must be well-formed: it holds half a surrogate pair.");
  if (!fitsUtf8(key, maxKeyBytes)) {
    throw chatStoreError(
      "INVALID_KEY",
      `A key has at most ${maxKeyBytes} UTF-8 bytes; this one is longer. Use a hash of it.`,
    );
  }
}

export function checkPrefix(prefix: unknown): asserts prefix is string {
  if (typeof prefix !== "string") throw invalid(`prefix must be text, not ${describe(prefix)}.`);
}

export function checkOperationId(id: unknown): asserts id is string {
  if (typeof id === "string" && id !== "" && isWellFormed(id) && fitsUtf8(id, maxOperationIdBytes)) return;
  throw invalid(`operationId must be well-formed text of 1 to ${maxOperationIdBytes} UTF-8 bytes.`);
}

export function checkIndex(index: unknown): asserts index is number {
  if (typeof index !== "number" || !Number.isInteger(index)) throw invalid("index must be an integer.");
  if (index < 0)
    throw chatStoreError("INDEX_OUT_OF_RANGE", `index is ${index}; positions are counted from 0, the oldest.`);
}

export function checkCount(
  name: string,
  count: unknown,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): asserts count is number {
  if (typeof count === "number" && Number.isInteger(count) && count >= least && count <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
  throw invalid(`${name} must be an integer, ${range}.`);
}

/** A hundred years: beyond it a time in milliseconds no longer fits what some services take. */
const maxTtlSeconds = 3_155_760_000;

/** The time to live of a store's options, in milliseconds; undefined when conversations don't expire. */
export function ttlMilliseconds(options: {
  ttlSeconds?: number | undefined;
  ttl?: number | undefined;
}): number | undefined {
  const { ttl, ttlSeconds = ttl } = options;
  if (ttl !== undefined && ttl !== ttlSeconds) throw invalid("ttl is another name of ttlSeconds: give one of them.");
  if (ttlSeconds === undefined) return undefined;
  if (typeof ttlSeconds === "number" && ttlSeconds > 0 && ttlSeconds <= maxTtlSeconds) return ttlSeconds * 1000;
  throw invalid("ttlSeconds must be a number of seconds above 0 and at most 100 years.");
}

/** An `INVALID_ARGUMENT`, to be thrown. */
export function invalid(message: string) {
  return chatStoreError("INVALID_ARGUMENT", message);
}

/** What a value is, without what it holds. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : typeof value;
}
