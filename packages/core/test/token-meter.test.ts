import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadCl100k } from "../src/memory/cl100k.js";
import { type Tokenizer, TokenMeter } from "../src/memory/token-meter.js";
import { wrong } from "./support/wrong.js";

const cl100k = await loadCl100k();

/** As LlamaIndex for Python counts: `contents` from the oldest to the newest. */
const naive = (contents: string[]) => cl100k(contents.join(" "));

const white = fc.constantFrom(
  ...["", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "\ufeff", "\v"],
  ...[" \n", "\n ", "\t ", " \t", "\n \n", "\n\t", "\ufeff\n", "\u0085 ", " ".repeat(130)],
);
const solid = fc.constantFrom(
  ...[
    "a",
    "I",
    "word",
    "Words",
    "12",
    "3456",
    "\u4f60\u597d",
    "\u3002",
    "\u00e9",
    "\u{1f600}",
    "\u{20000}",
    "\ud800",
    "\udc00",
  ],
  ...[
    "'s",
    "'",
    "'ll",
    "!",
    "...",
    "(",
    "<|",
    "<",
    "|>",
    "-->",
    "/",
    "_",
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|endofprompt|",
  ],
);
const content = fc.oneof(
  { weight: 2, arbitrary: white },
  {
    weight: 5,
    arbitrary: fc
      .array(fc.oneof({ weight: 3, arbitrary: white }, { weight: 3, arbitrary: solid }, fc.string({ maxLength: 3 })), {
        maxLength: 7,
      })
      .map((parts) => parts.join("")),
  },
);
/** From the oldest to the newest. */
const history = fc.array(content, { maxLength: 9 });

/** Counts the calls of a tokenizer, and the UTF-16 units it was given. */
function watched(tokenizer: Tokenizer = cl100k) {
  const seen = { calls: 0, chars: 0 };
  const meter = new TokenMeter((text) => {
    seen.calls++;
    seen.chars += text.length;
    return tokenizer(text);
  });
  return { meter, seen };
}

describe("a join", () => {
  test("has the tokens of the joined text, at every length", () => {
    const meter = new TokenMeter(cl100k);
    fc.assert(
      fc.property(history, (contents) => {
        const join = meter.join();
        expect(join.tokens).toBe(0);
        const counted = contents.map((_, i) => {
          join.prepend(contents.at(-1 - i) ?? "");
          return join.tokens;
        });
        expect(counted).toEqual(contents.map((_, i) => naive(contents.slice(-1 - i))));
      }),
      { numRuns: 5000 },
    );
  });

  test("has the same tokens when they are asked for at the end only", () => {
    fc.assert(
      fc.property(history, (contents) => {
        const join = new TokenMeter(cl100k).join();
        for (const one of contents.toReversed()) join.prepend(one);
        expect(join.tokens).toBe(naive(contents));
      }),
      { numRuns: 500 },
    );
  });

  test("has a floor that no longer join falls below", () => {
    const meter = new TokenMeter(cl100k);
    fc.assert(
      fc.property(history, fc.array(history, { minLength: 1, maxLength: 4 }), (contents, prefixes) => {
        const join = meter.join();
        let floor = join.floor;
        for (const one of contents.toReversed()) {
          join.prepend(one);
          expect(join.floor).toBeGreaterThanOrEqual(floor);
          floor = join.floor;
        }
        for (const prefix of prefixes) expect(naive([...prefix, ...contents])).toBeGreaterThanOrEqual(floor);
      }),
      { numRuns: 3000 },
    );
  });

  test("has a floor that is short by the first word only", () => {
    const join = new TokenMeter(cl100k).join();
    expect(join.floor).toBe(0);
    join.prepend("The quick brown fox");
    expect([join.tokens, join.floor]).toEqual([4, 3]);
    join.prepend("Hello\n");
    expect([join.tokens, join.floor]).toEqual([6, 4]);
  });

  test("is independent of its clone", () => {
    fc.assert(
      fc.property(history, history, history, (newer, one, other) => {
        const join = new TokenMeter(cl100k).join();
        for (const text of newer.toReversed()) join.prepend(text);
        const clone = join.clone();
        for (const text of one.toReversed()) join.prepend(text);
        for (const text of other.toReversed()) clone.prepend(text);
        expect(join.tokens).toBe(naive([...one, ...newer]));
        expect(clone.tokens).toBe(naive([...other, ...newer]));
      }),
      { numRuns: 500 },
    );
  });
});

describe("the work of a join", () => {
  const cost = (contents: string[]) => {
    const { meter, seen } = watched();
    const join = meter.join();
    for (const one of contents.toReversed()) {
      join.prepend(one);
      expect(join.tokens).toBeGreaterThanOrEqual(join.floor);
    }
    return { calls: seen.calls / contents.length, chars: seen.chars / contents.join(" ").length };
  };
  const long = (i: number) => `Message ${i}: ${"the quick brown fox jumps over the lazy dog, ".repeat(200)}`.trim();

  test.each([
    ["plain messages", (i: number) => long(i)],
    ["ends in white space", (i: number) => `${long(i)}\n\n`],
    ["begins with white space", (i: number) => ` \n${long(i)}`],
    ["every second one is empty", (i: number) => (i % 2 === 0 ? "" : long(i))],
    ["a line of text without spaces", (i: number) => `${i}${"\u4f60\u597d\u4e16\u754c".repeat(100)}\n`],
    ["one word and a newline", (i: number) => `${i}\n`],
    ["one word and a tab", (i: number) => `${i}\t`],
  ])("is a few calls for each content, and few of them long: %s", (_, text) => {
    const few = cost(Array.from({ length: 20 }, (_, i) => text(i)));
    const many = cost(Array.from({ length: 400 }, (_, i) => text(i)));
    expect(many.calls).toBeLessThanOrEqual(Math.max(5, few.calls));
    expect(many.chars).toBeLessThanOrEqual(4);
  });

  test("is one long call for each content", () => {
    const { meter, seen } = watched();
    const join = meter.join();
    for (let i = 0; i < 100; i++) {
      join.prepend(long(i));
      expect(join.tokens).toBeGreaterThan(0);
    }
    expect(seen.chars / (100 * long(10).length)).toBeLessThan(1.01);
  });

  test("does not count the next content again for each empty one before it", () => {
    const { meter, seen } = watched();
    const join = meter.join();
    const text = "\u4f60\u597d\u4e16\u754c".repeat(5000);
    join.prepend(text);
    for (let i = 0; i < 100; i++) join.prepend("");
    expect(join.tokens).toBe(naive([...Array.from({ length: 100 }, () => ""), text]));
    expect(seen.chars).toBeLessThan(4 * text.length);
  });

  test("is next to nothing the second time", () => {
    const { meter, seen } = watched();
    const contents = Array.from({ length: 100 }, (_, i) => `${long(i)}${i % 3 === 0 ? "\n" : ""}`);
    const run = () => {
      const join = meter.join();
      for (const one of contents) join.prepend(one);
      return join.tokens;
    };
    const first = run();
    const { calls } = seen;
    expect(run()).toBe(first);
    expect(seen.calls).toBe(calls);
  });
});

describe("counts", () => {
  test("are kept, in a bounded number", () => {
    const { meter, seen } = watched(() => 1);
    meter.count("a");
    meter.count("a");
    expect(seen.calls).toBe(1);
    for (let i = 0; i < 30_000; i++) meter.count(`text ${i}`);
    meter.count("a");
    expect(seen.calls).toBe(30_002);
    meter.count("text 29999");
    expect(seen.calls).toBe(30_002);
  });

  test("are kept for a bounded number of characters", () => {
    const { meter, seen } = watched(() => 1);
    const text = (i: number) => `${i} ${"x".repeat(500_000)}`;
    for (let i = 0; i < 20; i++) meter.count(text(i));
    meter.count(text(0));
    expect(seen.calls).toBe(21);
    meter.count(text(19));
    expect(seen.calls).toBe(21);
    // Too long to be kept at all.
    for (let i = 0; i < 2; i++) meter.count("x".repeat(3_000_000));
    expect(seen.calls).toBe(23);
  });

  test("are numbers, or the lengths of lists of tokens", () => {
    expect(new TokenMeter((text) => text.length).count("abc")).toBe(3);
    expect(new TokenMeter((text) => text.split(" ")).count("a b")).toBe(2);
    expect(new TokenMeter(() => new Uint32Array(5)).count("a")).toBe(5);
  });

  test.each([
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [-1, "-1"],
    [1.5, "1.5"],
    [{ length: -2 }, "-2"],
    [undefined, "undefined"],
    [null, "null"],
    ["three", "string"],
    [{ length: "3" }, "string"],
    [Promise.resolve(3), "a promise"],
  ])("are refused when the tokenizer answers %o", (answer, said) => {
    const meter = new TokenMeter(() => wrong(answer));
    expect(() => meter.count("secret")).toThrow(TypeError);
    expect(() => meter.count("secret")).toThrow(said);
    expect(() => meter.count("secret")).not.toThrow("secret");
  });

  test("of another tokenizer are added up by the same rule", () => {
    const meter = new TokenMeter((text) => text.split(/\s+/).filter(Boolean).length);
    const join = meter.join();
    for (const one of ["one two", "", "three \n", " four"]) join.prepend(one);
    expect(join.tokens).toBe(4);
  });
});
