import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Tiktoken } from "js-tiktoken/lite";
import table from "js-tiktoken/ranks/cl100k_base";
import { afterEach, describe, expect, test, vi } from "vitest";
import { loadCl100k } from "../src/memory/cl100k.js";

const count = await loadCl100k();

describe("as tiktoken for Python counts", () => {
  type Golden = ({ text: string } | { repeat: [string, number] }) & { tokens: number };
  // Read at once, so that a missing file fails instead of testing nothing.
  const golden: { texts: Golden[] } = JSON.parse(readFileSync(new URL("golden/tokens.json", import.meta.url), "utf8"));

  test("every text of the golden file", () => {
    expect(golden.texts.length).toBeGreaterThan(100);
    const wrong = golden.texts
      .map((one) => {
        const text = "text" in one ? one.text : one.repeat[0].repeat(one.repeat[1]);
        return { text: text.slice(0, 80), expected: one.tokens, counted: count(text) };
      })
      .filter(({ expected, counted }) => expected !== counted);
    expect(wrong).toEqual([]);
  });

  // Counted with tiktoken 0.14.0, `allowed_special="all"`.
  test.each([
    ["", 0],
    ["hello world", 2],
    ["it's WE'LL I'd they'Re o'clock", 11],
    ["'\u017fabc 's\u017f", 8],
    ["a\u0085 b\ufeff c", 6],
    ["\u0085\u0085x \ufeff\ufeffx", 8],
    ["a\ufeff\n\ufeff b", 4],
    ["hi <|endoftext|> there <|im_start|>", 9],
    ["<|endoftext|><|fim_prefix|>  <|fim_suffix|>\n <|endofprompt|>", 7],
    ["1234567 \u0661\u0662\u0663\u0664 \u00bd\u2167", 16],
    ["line  \n\n  next\r\n\r\n\tend \n ", 8],
    ["!\n\n \n?", 3],
    ["\u4f60\u597d\uff0c\u4e16\u754c\u3002\u3000\u3000\u518d\u89c1", 11],
    ["\ud83d\ude00\ud83d\udc69\u200d\ud83d\udcbb\ud840\udc00\ud835\udc00\u00e9\u00e9", 17],
    ["x\u2028\u2029y\u3000 z\u00a0\u00a0w", 11],
    ["\u001c\u001f\u200b\u2060 a\u180eb", 10],
  ])("%j", (text, tokens) => {
    expect(count(text)).toBe(tokens);
  });

  test("a lone surrogate counts as U+FFFD", () => {
    for (const [lone, replaced] of [
      ["\ud800", "\ufffd"],
      ["a\udc00b \ud800", "a\ufffdb \ufffd"],
      ["\udc00\ud800 \ud800\ud800", "\ufffd\ufffd \ufffd\ufffd"],
    ] as const) {
      expect(count(lone)).toBe(count(replaced));
    }
  });

  test("blanks of any number, and long runs", () => {
    // Of n blanks, every 128 are a token; of the rest these many remain (tiktoken 0.14.0).
    expect(
      [1, 81, 82, 83, 127, 128, 129, 210, 255, 256, 257, 383, 384, 1000, 5000].map((n) => count(" ".repeat(n))),
    ).toEqual([1, 1, 2, 1, 2, 1, 2, 3, 3, 2, 3, 4, 3, 9, 40]);
    for (const run of ["a", " ", "\n", "_", "\t", "\u4f60", "'"]) {
      expect(count(run.repeat(300_000))).toBeGreaterThan(0);
    }
  });
});

describe("as js-tiktoken counts", () => {
  const peer = new Tiktoken(table);

  /** Characters on which its \s and its contractions agree with those of tiktoken: no U+FEFF, no U+0085, no long s. */
  const shared = (text: string) => !/[\ufeff\x85\u017f]/.test(text);
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 6 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...[
          " ",
          "  ",
          "\n",
          "\r\n",
          "\t",
          "\u00a0",
          "\u3000",
          "'s",
          "'LL",
          "'",
          "!",
          "...",
          "-->",
          "12",
          "3456",
          "\u0663",
        ],
        ...["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|", "word", " Words", "\u4f60\u597d", "\u00e9", "e\u0301"],
        ...[
          "\u{1f600}",
          "\u{1f469}\u200d\u{1f4bb}",
          "\u{20000}",
          "\u{1d400}",
          "\u05e9\u05dc\u05d5\u05dd",
          "aaaaaaaaaaaa",
        ],
      ),
    },
  );
  const texts = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));

  test("any short text", () => {
    fc.assert(
      fc.property(texts.filter(shared), (text) => {
        expect(count(text)).toBe(peer.encode(text, "all").length);
      }),
      { numRuns: 3000 },
    );
  });

  test("text of one kind, on both sides of 256 bytes", () => {
    const alphabets = [
      "ab",
      "etaoin",
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
      "_-=*#",
      " \t\n",
      "\u4e00\u4f60\u597d\u7684\u6c34\u306e\u3092\uac00",
      "\u0430\u0431\u0435\u0301\u{1f600}\u{20000}",
    ];
    const ofOneKind = fc
      .constantFrom(...alphabets)
      .chain((alphabet) => fc.string({ unit: fc.constantFrom(...alphabet), minLength: 20, maxLength: 300 }));
    fc.assert(
      fc.property(ofOneKind, (text) => {
        expect(count(text)).toBe(peer.encode(text, "all").length);
      }),
      { numRuns: 100 },
    );
  });
});

describe("loading", () => {
  afterEach(() => {
    vi.doUnmock("js-tiktoken/ranks/cl100k_base");
    vi.resetModules();
  });

  test("happens once", async () => {
    const [one, other] = await Promise.all([loadCl100k(), loadCl100k()]);
    expect(one).toBe(other);
    expect(one).toBe(count);
  });

  test("is tried again after it failed", async () => {
    vi.resetModules();
    const anew = await import("../src/memory/cl100k.js");
    vi.doMock("js-tiktoken/ranks/cl100k_base", () => {
      throw new Error("offline");
    });
    await expect(anew.loadCl100k()).rejects.toThrow();
    vi.doUnmock("js-tiktoken/ranks/cl100k_base");
    expect((await anew.loadCl100k())("hello world")).toBe(2);
  });
});
