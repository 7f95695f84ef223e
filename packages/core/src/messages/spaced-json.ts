import { betweenStrings } from "./json.js";

/** A JSON text without spaces as Python's `json.dumps` spaces it, with one behind each comma and colon. */
export function spaceJson(json: string): string {
  return betweenStrings(json, (part) => part.replace(/[,:]/g, "$& "));
}

/**
 * JSON as Python's `json.dumps` writes it. With `ascii` all but ASCII is written as `\uXXXX`, as `ensure_ascii` does.
 * `value` is what `JSON.stringify` takes.
 */
export function stringifySpaced(value: unknown, options: { ascii?: boolean | undefined } = {}): string {
  const spaced = spaceJson(JSON.stringify(value));
  if (options.ascii !== true) return spaced;
  return spaced.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
