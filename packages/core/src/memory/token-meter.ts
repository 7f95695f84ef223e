import { TokenCache } from "./token-cache.js";

/**
 * Text to its tokens, or to their number.
 *
 * A window is counted from its messages: `T(a + " " + b)` is taken for `T(a) + T(" " + b)` where `a` ends in no white space,
 * and around white space only the words next to it are counted again. With cl100k and its kind, where no token holds a space
 * behind a character that is not one, that is exact. With any other tokenizer it is what a window counts as, by definition.
 */
export type Tokenizer = (text: string) => number | { readonly length: number };

/** Counts that are kept, in two generations of this many texts and UTF-16 units. */
const MAX_CACHED_TEXTS = 10_000;
const MAX_CACHED_CHARS = 2_000_000;

/** Counts texts with one tokenizer, and remembers the counts. */
export class TokenMeter {
  readonly #tokenizer: Tokenizer;
  readonly #counts = new TokenCache<number>(MAX_CACHED_TEXTS, MAX_CACHED_CHARS);

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The tokens of `text`. Throws a `TypeError` if the tokenizer answers with anything but tokens or their number. */
  count(text: string): number {
    const known = this.#counts.get(text);
    if (known !== undefined) return known;
    const count = toCount(this.#tokenizer(text));
    this.#counts.set(text, count);
    return count;
  }

  /** A join of no contents yet. */
  join(): JoinedCount {
    return new GrowingCount(this);
  }
}

/** The contents of a window joined by one space, growing from the newest content to older ones. */
export interface JoinedCount {
  prepend(content: string): void;
  /** Tokens of the whole join, as Python counts `tokenizer(" ".join(contents))`; 0 when nothing was prepended. */
  readonly tokens: number;
  /** What this and any longer join has at least. Never falls; short of `tokens` by the first word, as a rule. */
  readonly floor: number;
  /** A count of its own from here on. */
  clone(): JoinedCount;
}

/**
 * A safe cut: where `T(text) = T(before) + T(after)`, whatever else is put in front of the text. There are three kinds. `[\s\x85]`
 * is all that Unicode or JavaScript calls white space; a piece is what cl100k's pattern splits a text into before it merges.
 *
 * 1. Before a space that follows no white space. A piece holds a space only at its start or within white space alone, and
 *    neither a look-ahead nor the end of the text changes a piece that ends in something else. Special tokens hold no space.
 * 2. Behind the last newline of white space, where that is split.
 * 3. Before the last of two or more blanks: it is left to what follows, unless that is a special token (`<|...|>`), which ends
 *    a piece as the end of the text does.
 *
 * At the end of a text, white space is one piece even if it holds a newline. That makes no odds to 2 and 3, as no token has a
 * newline and then only blanks to its end, so that nothing merges across.
 */
const CUT = /(?<=[^\s\x85])(?= )|(?<=[\r\n])(?= ?[^\s\x85])|(?<=[^\S\r\n\uFEFF])(?=[^\S\r\n\uFEFF](?!<\|)[^\s\x85])/;
const CUT_HERE = new RegExp(CUT, "y");
const SOLID = /[^\s\x85]/;

/**
 * The join in two parts, cut at its first safe cut. Whatever is put in front, the tokens of the rest stay what they are: they
 * are the floor, and they only grow, as the next first cut lies before this one. The head alone is counted again.
 */
class GrowingCount implements JoinedCount {
  readonly #meter: TokenMeter;
  /** `undefined` before the first content: an empty content makes an empty head. */
  #head: string | undefined;
  #rest: number;

  constructor(meter: TokenMeter, head?: string, rest = 0) {
    this.#meter = meter;
    this.#head = head;
    this.#rest = rest;
  }

  get tokens(): number {
    return this.#head === undefined ? 0 : this.#meter.count(this.#head) + this.#rest;
  }

  get floor(): number {
    return this.#rest;
  }

  clone(): JoinedCount {
    return new GrowingCount(this.#meter, this.#head, this.#rest);
  }

  prepend(content: string): void {
    if (this.#head === undefined) {
      this.#lead(content);
      return;
    }
    // Behind its last word, unless white space follows that: then before it, as the joining space may merge with the white space.
    const cut = SOLID.test(content.slice(-1)) ? content.length : lastCut(content);
    const seam = `${content.slice(cut)} ${this.#head}`;
    if (cut > 0) this.#rest += this.#meter.count(seam);
    this.#lead(cut > 0 ? content.slice(0, cut) : seam);
  }

  /** Puts `text` in front of the rest, with its first cut as the new one. */
  #lead(text: string): void {
    const cut = text.search(CUT);
    this.#head = cut < 0 ? text : text.slice(0, cut);
    // Subtracted, as the count of a whole content is the one that is kept and asked for again. Only a tokenizer by which less
    // text has more tokens could make it negative.
    if (cut >= 0) this.#rest += Math.max(0, this.#meter.count(text) - this.#meter.count(this.#head));
  }
}

/** 0 when there is none. */
function lastCut(text: string): number {
  for (let at = text.length - 1; at > 0; at--) {
    CUT_HERE.lastIndex = at;
    if (CUT_HERE.test(text)) return at;
  }
  return 0;
}

function toCount(answer: unknown): number {
  const isObject = typeof answer === "object" && answer !== null;
  const count = isObject && "length" in answer ? answer.length : answer;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  const what =
    typeof count === "number" || count === null
      ? String(count)
      : isObject && "then" in answer
        ? "a promise (it cannot be asynchronous)"
        : `a value of type ${typeof count}`;
  throw new TypeError(`The tokenizer must return tokens or their number, a non-negative integer. It returned ${what}.`);
}
