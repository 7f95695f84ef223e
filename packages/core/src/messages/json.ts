import { chatStoreError } from "../errors.js";
import type { JsonObject, JsonValue } from "./message.js";

/**
 * How deep a message may nest: as deep as LlamaIndex Python, whose parser gives up beyond it, can read. V8 itself can no
 * longer write JSON somewhere between 3,000 and 5,000 levels.
 */
const maxDepth = 200;

/** The steps from a message to the value that is being looked at, as in `["content", 0, "text"]`. */
export type Path = (string | number)[];

/** How deep within its message a place is: the steps to a message of a list don't count. */
export function depthOf(path: Path): number {
  return path[0] === "messages" ? path.length - 2 : path.length;
}

function formatPath(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === "number") return `[${step}]`;
      if (/^[A-Za-z_$][\w$]*$/.test(step)) return i === 0 ? step : `.${step}`;
      return `[${JSON.stringify(step)}]`;
    })
    .join("");
}

/** An `INVALID_MESSAGE` that names the place and never the value. */
export function invalidMessage(path: Path, problem: string) {
  return chatStoreError("INVALID_MESSAGE", `${path.length === 0 ? "The message" : formatPath(path)} ${problem}`);
}

/**
 * Parses JSON, and what Python's `json` module writes for numbers that JSON can't hold (NaN, Infinity, -Infinity): they
 * become null, as in LlamaIndex's own newer files. Throws a SyntaxError, whose message may quote the text.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(betweenStrings(text, (part) => part.replace(/NaN|-?Infinity/g, "null")));
  }
}

/**
 * A JSON text with its strings as they are, and `change` applied to all between them. A loop and no regular expression:
 * those run out of stack on a string of some megabytes.
 */
export function betweenStrings(json: string, change: (part: string) => string): string {
  let changed = "";
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const end = quote === -1 ? json.length : quote;
    changed += change(json.slice(at, end));
    at = quote === -1 ? end : endOfString(json, quote);
    changed += json.slice(end, at);
  }
  return changed;
}

/** The texts of an array's items, each as it stands there; undefined when the text is no JSON array. */
export function splitJsonArray(text: string): string[] | undefined {
  try {
    if (!Array.isArray(parseJson(text))) return undefined;
  } catch {
    return undefined;
  }
  const items: string[] = [];
  const mark = /["[\]{},]/g;
  let depth = 0;
  let start = text.indexOf("[") + 1;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    const [what] = found;
    if (what === '"') mark.lastIndex = endOfString(text, found.index);
    else if (what === "[" || what === "{") depth++;
    else {
      if (depth === 1 && what !== "}") {
        items.push(text.slice(start, found.index).trim());
        start = found.index + 1;
      }
      if (what !== ",") depth--;
    }
  }
  return items.length === 1 && items[0] === "" ? [] : items;
}

/** Behind the closing quote of the string whose opening one is at `start`; the end of the text when there is none. */
export function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return json.length;
}

/** Sets a member so that `__proto__` is data like any other. */
export function setMember(object: object, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    (object as Record<string, unknown>)[name] = value;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object literal of another realm (a vm context, an iframe) has that realm's Object.prototype, whose own is null.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * A copy of `value` that holds nothing but JSON. What `JSON.stringify` would drop, change or choke on is refused with
 * `INVALID_MESSAGE` naming the path; members that are undefined count as absent, and `toJSON` is honoured (dates).
 */
export function toJson(value: unknown, path: Path): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw invalidMessage(path, `is ${value}, which JSON can't hold; use null or text`);
      return value;
    case "object":
      return value === null ? null : objectToJson(value, path);
    case "bigint":
      throw invalidMessage(path, "is a BigInt, which JSON can't hold; write it as text");
    default:
      throw invalidMessage(path, `is ${typeof value}, which JSON can't hold; leave it out or use null`);
  }
}

function objectToJson(value: object, path: Path): JsonValue {
  if (depthOf(path) > maxDepth) {
    throw invalidMessage(path.slice(0, 8), `nests deeper than ${maxDepth} levels, or holds itself; flatten it`);
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => descend(item, path, index));
  }
  if (value instanceof Date && Number.isNaN(value.getTime())) throw invalidMessage(path, "is an invalid date");
  if ("toJSON" in value && typeof value.toJSON === "function" && !ArrayBuffer.isView(value)) {
    const replaced: unknown = value.toJSON(String(path.at(-1) ?? ""));
    if (replaced !== value) return descend(replaced, path, "toJSON()");
  }
  if (!isPlainObject(value)) {
    const problem = ArrayBuffer.isView(value)
      ? "holds bytes, which JSON can't; write them as base64 text"
      : "is neither a plain object nor an array; convert it first";
    throw invalidMessage(path, problem);
  }
  const copy: JsonObject = {};
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (member !== undefined) setMember(copy, name, descend(member, path, name));
  }
  return copy;
}

function descend(value: unknown, path: Path, step: string | number): JsonValue {
  path.push(step);
  const copy = toJson(value, path);
  path.pop();
  return copy;
}
