// The classes of characters that the pattern of cl100k tells apart; 0 is the end of the text.
const LETTER = 1;
const NUMBER = 2;
const NEWLINE = 3;
const SPACE = 4;
const OTHER = 5;

const APOSTROPHE = 0x27;
const BLANK = 0x20;

/**
 * Returns what finds the end of the piece of `text` that starts at `start`, by the pattern of cl100k (tiktoken 0.14):
 *
 *     '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
 *
 * By hand: the engine's matcher keeps a way back for every character of a run, and throws when some millions have piled up.
 */
export function createPieceFinder(): (text: string, start: number) => number {
  // By code point, filled in as they are met.
  const kinds = new Uint8Array(0x110000);
  // As in Rust, where (?i:s) is also U+017F.
  const contraction = /'(?:[sdmt]|ll|ve|re)/iuy;

  const kindAt = (text: string, at: number): number => {
    const code = text.codePointAt(at);
    if (code === undefined) return 0;
    const kind = kinds[code] || kindOf(code);
    kinds[code] = kind;
    return kind;
  };
  /** Where the run of one kind ends that starts at `at`, if there is one. */
  const runEnd = (text: string, at: number, kind: number): number => {
    let end = at;
    while (kindAt(text, end) === kind) end += widthAt(text, end);
    return end;
  };
  /** `start` is white space, and no letter or punctuation takes it along. */
  const spaceEnd = (text: string, start: number): number => {
    let end = start;
    let afterNewline = start;
    for (let kind = kindAt(text, end); kind === SPACE || kind === NEWLINE; kind = kindAt(text, end)) {
      end++;
      if (kind === NEWLINE) afterNewline = end;
    }
    if (end === text.length) return end;
    if (afterNewline > start) return afterNewline;
    // The last one is left to what follows.
    return Math.max(start + 1, end - 1);
  };

  return (text, start) => {
    const code = text.charCodeAt(start);
    if (code === APOSTROPHE) {
      contraction.lastIndex = start;
      if (contraction.test(text)) return contraction.lastIndex;
    }
    const kind = kindAt(text, start);
    const second = start + widthAt(text, start);
    if (kind === LETTER) return runEnd(text, second, LETTER);
    if (kind === NUMBER) {
      let end = second;
      for (let i = 0; i < 2 && kindAt(text, end) === NUMBER; i++) end += widthAt(text, end);
      return end;
    }
    const secondKind = kindAt(text, second);
    if (secondKind === LETTER && kind !== NEWLINE) return runEnd(text, second, LETTER);
    if (kind === OTHER || (secondKind === OTHER && code === BLANK)) {
      return runEnd(text, runEnd(text, second, OTHER), NEWLINE);
    }
    return spaceEnd(text, start);
  };
}

function kindOf(code: number): number {
  const char = String.fromCodePoint(code);
  if (char === "\r" || char === "\n") return NEWLINE;
  if (/\p{L}/u.test(char)) return LETTER;
  if (/\p{N}/u.test(char)) return NUMBER;
  // Not \s, which has U+FEFF and lacks U+0085.
  return /\p{White_Space}/u.test(char) ? SPACE : OTHER;
}

/** Code units of the character at `at`. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) < 0x10000 ? 1 : 2;
}
