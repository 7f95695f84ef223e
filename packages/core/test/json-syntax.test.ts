import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeSyntaxError, findSyntaxError } from "../src/simple/json-syntax.js";

const parses = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What would close all that is open at the end of a text, going by brackets outside of strings alone. */
function closing(text: string): string {
  const open: string[] = [];
  for (let at = 0, inString = false; at < text.length; at++) {
    const unit = text.charAt(at);
    if (inString && unit === "\\") at++;
    else if (unit === '"') inString = !inString;
    else if (inString) continue;
    else if (unit === "{") open.push("}");
    else if (unit === "[") open.push("]");
    else if (unit === "}" || unit === "]") open.pop();
  }
  return open.reverse().join("");
}

/** Whether some JSON text begins with `text`, by trying what may come next. */
function isBeginning(text: string): boolean {
  const next = ["", "0", '"a":0', ":0", '"', '":0'];
  return next.some((more) => parses(text + more + closing(text + more)));
}

describe("findSyntaxError", () => {
  it.each<[string, number]>([
    ["", 0],
    ["  ", 2],
    ["{", 1],
    ["[", 1],
    ["[1", 2],
    ["[1,", 3],
    ["[1,]", 3],
    ["[1 2]", 3],
    ["[1}", 2],
    ["]", 0],
    ["{]", 1],
    ['{"a"}', 4],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ['{"a":1 "b":2}', 7],
    ["{a:1}", 1],
    ["{'a':1}", 1],
    ['{"a":1}x', 7],
    ['{"a":1} {', 8],
    ['"abc', 4],
    ['{"a":"bc', 8],
    ['"a\\', 2],
    ['"a\\x"', 2],
    ['"a\\u12g4"', 2],
    ['"a\nb"', 2],
    ['"a\u001fb"', 2],
    ["tru", 0],
    ["nul", 0],
    ["True", 0],
    ["[NaN]", 1],
    ["01", 1],
    ["1.", 1],
    [".5", 0],
    ["+1", 0],
    ["-", 0],
    ["1e", 1],
    ["\ufeff{}", 0],
    ["\u00a0{}", 0],
    ["[1,\n 2,\n x]", 9],
    ['[[[{"a":[1,{"b":tru}]}]]]', 16],
  ])("in %j is at %i", (text, offset) => {
    expect(parses(text)).toBe(false);
    expect(findSyntaxError(text)).toBe(offset);
  });

  it.each(["{}", " [ ] ", '"a\\u00e9\\n"', "-0.5e+10", "null", '{"a":[1,{"b":null},"c"],"":true}\r\n\t '])(
    "in %j is none",
    (text) => {
      expect(parses(text)).toBe(true);
      expect(findSyntaxError(text)).toBeUndefined();
    },
  );

  it("agrees with JSON.parse on thousands of damaged texts, and points at where the good part ends", () => {
    const parts = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "\\",
      " ",
      "\n",
      "1",
      "-",
      ".",
      "e",
      "t",
      "null",
      "\\u12",
      "é",
      "\0",
    ];
    const damage = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat({ max: 3 }),
      insert: fc.oneof(fc.constant(""), fc.constantFrom(...parts)),
    });
    const spaces = fc.constantFrom(undefined, 1);
    let broken = 0;
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 3 }),
        spaces,
        fc.array(damage, { maxLength: 3 }),
        (value, space, damages) => {
          let text = JSON.stringify(value, null, space);
          for (const { at, remove, insert } of damages) {
            const start = Math.floor(at * text.length);
            text = text.slice(0, start) + insert + text.slice(start + remove);
          }
          const offset = findSyntaxError(text);
          expect(offset === undefined).toBe(parses(text));
          if (offset === undefined) return;
          broken++;
          expect(offset).toBeLessThanOrEqual(text.length);
          // All before it could still have become JSON.
          const before = text.slice(0, offset);
          expect(isBeginning(before), JSON.stringify(before)).toBe(true);
        },
      ),
      { numRuns: 5_000 },
    );
    expect(broken).toBeGreaterThan(1_000);
  });

  it("finds the end of every beginning of a text", () => {
    const text = '{"store": {"k": [{"role": "user", "n": [1, -2.5e3, true, null], "t": "a\\n\\u00e9\\"b"}]}}';
    expect(findSyntaxError(text)).toBeUndefined();
    for (let length = 0; length < text.length; length++) {
      const beginning = text.slice(0, length);
      const offset = findSyntaxError(beginning)!;
      // At the end, or where the word, number or escape begins that the end cuts.
      expect(offset).toBeGreaterThanOrEqual(length - 6);
      expect(offset).toBeLessThanOrEqual(length);
      expect(/^(?:|[\w.+-]+|\\.*)$/.test(beginning.slice(offset)), beginning).toBe(true);
    }
  });

  it("is not stopped by depth or length", () => {
    expect(findSyntaxError("[".repeat(100_000))).toBe(100_000);
    expect(findSyntaxError("[".repeat(100_000) + "]".repeat(100_000))).toBeUndefined();
    const long = `["${"\\u00e9x".repeat(200_000)}"`;
    expect(findSyntaxError(long)).toBe(long.length);
    expect(findSyntaxError(`${long}]`)).toBeUndefined();
  });
});

describe("describeSyntaxError", () => {
  it("counts lines and columns from 1, as editors do", () => {
    expect(describeSyntaxError("x")).toContain("line 1, column 1 ");
    expect(describeSyntaxError('{\n  "a": 1,\n  "b": x\n}')).toContain("line 3, column 8 ");
    expect(describeSyntaxError("[1,\n")).toContain("line 2, column 1 ");
    expect(describeSyntaxError("{}")).toBeUndefined();
  });
});
