import { betweenStrings } from "./json.js";

/**
 * JSON as Python's `json.dumps` spaces it, with a space behind each comma and colon. With `ascii` all else is written as
 * `\uXXXX`, as `ensure_ascii` does. `value` is what `JSON.stringify` takes.
 */
export function stringifySpaced(value: unknown, options: { ascii?: boolean | undefined } = {}): string {
  const spaced = betweenStrings(JSON.stringify(value), (part) => part.replace(/[,:]/g, "$& "));
  if (options.ascii !== true) return spaced;
  return spaced.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
