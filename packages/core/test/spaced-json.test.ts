import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringifySpaced } from "../src/messages/spaced-json.js";

interface Options {
  ascii: boolean;
}

/** Python's `json.dumps`, written down from its rules: by recursion, character by character. */
function dumps(value: unknown, options: Options): string {
  if (typeof value === "string") return dumpText(value, options);
  if (Array.isArray(value)) return `[${value.map((item) => dumps(item, options)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${dumpText(name, options)}: ${dumps(member, options)}`,
  );
  return `{${members.join(", ")}}`;
}

const short: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

function dumpText(text: string, { ascii }: Options): string {
  let dumped = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (ascii && unit > 0x7e)) {
      dumped += short[text.charAt(i)] ?? `\\u${unit.toString(16).padStart(4, "0")}`;
    } else dumped += short[text.charAt(i)] ?? text.charAt(i);
  }
  return `"${dumped}"`;
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom('"', "\\", ",", ":", " ", "{", "}", "[", "]", "a", "\n", "\u0000", "\u007f", "\u00e9"),
  }),
  fc.string({ unit: fc.constantFrom('"', "\\"), maxLength: 40 }),
);
/** Numbers that both languages write alike: the others are listed below. */
const number = fc.oneof(fc.integer(), fc.constantFrom(0.5, -12.25, 0.0001, 123456.789, 9007199254740991, 1e22));
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium" },
    text,
    number,
    fc.constantFrom(true, false, null),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(text, tie("value"), { maxKeys: 5 }),
  ),
})).value;

describe("spaced JSON", () => {
  test.each([true, false])("is what json.dumps writes, with ensure_ascii=%s", (ascii) => {
    fc.assert(
      fc.property(json, (value) => {
        expect(stringifySpaced(value, { ascii })).toBe(dumps(value, { ascii }));
      }),
      { numRuns: 2000 },
    );
  });

  test("reads back as what was written", () => {
    fc.assert(
      fc.property(json, fc.boolean(), (value, ascii) => {
        const written = stringifySpaced(value, { ascii });
        expect(JSON.stringify(JSON.parse(written))).toBe(JSON.stringify(value));
        if (ascii) expect(written).toMatch(/^[\x20-\x7e]*$/);
      }),
      { numRuns: 1000 },
    );
  });

  test("is not ASCII unless asked for", () => {
    const value = { "\u00e9": ["\u{1f44b}", "a,b:c", "\u007f"] };
    expect(stringifySpaced(value)).toBe('{"\u00e9": ["\u{1f44b}", "a,b:c", "\u007f"]}');
    expect(stringifySpaced(value, { ascii: true })).toBe('{"\\u00e9": ["\\ud83d\\udc4b", "a,b:c", "\\u007f"]}');
  });

  test("holds half a surrogate pair as Python's does, in ASCII", () => {
    expect(stringifySpaced(["\ud83d", "\udc4b"], { ascii: true })).toBe('["\\ud83d", "\\udc4b"]');
  });

  // What JSON.parse makes of Python's numbers no longer says how Python wrote them.
  test.each([
    [1.0, "1", "1.0"],
    [-0.0, "0", "-0.0"],
    [1e-7, "1e-7", "1e-07"],
    [1e-5, "0.00001", "1e-05"],
    [1e16, "10000000000000000", "1e+16"],
    [1.5e300, "1.5e+300", "1.5e+300"],
  ])("writes %d as JavaScript does: %s, where Python wrote %s", (value, here) => {
    expect(stringifySpaced([value])).toBe(`[${here}]`);
  });

  test("leaves out what JSON.stringify does, and keeps members in JavaScript's order", () => {
    expect(stringifySpaced({ b: undefined, a: 1, 2: [undefined], 1: {} })).toBe('{"1": {}, "2": [null], "a": 1}');
  });

  test.each([
    ["a plain one", "x"],
    ["one of quotes", '"'],
    ["one of backslashes", "\\"],
    ["one of backslashes and quotes", '\\"'],
    ["one of commas and colons", ",:"],
    ["one beyond ASCII", `${"x".repeat(9)}\u00e9`],
  ])("holds a string of 5 MB: %s", (_, unit) => {
    const times = 5_000_000 / unit.length;
    const written = stringifySpaced({ a: unit.repeat(times), b: [1, 2] }, { ascii: true });
    const inner = JSON.stringify(unit).slice(1, -1).replace("\u00e9", "\\u00e9");
    // Not toBe, which would show all of it.
    expect(written === `{"a": "${inner.repeat(times)}", "b": [1, 2]}`).toBe(true);
  });

  test("holds a million values, and a hundred thousand names", () => {
    const list = Array.from({ length: 1_000_000 }, (_, i) => i % 10);
    expect(stringifySpaced(list).length).toBe(3_000_000);
    const text = JSON.stringify(Object.fromEntries(list.slice(0, 100_000).map((n, i) => [`k${i}`, n])));
    expect(JSON.stringify(JSON.parse(stringifySpaced(JSON.parse(text)))) === text).toBe(true);
  });
});
