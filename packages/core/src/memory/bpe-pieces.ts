// The classes of characters that the pattern of cl100k tells apart; 0 is the end of the text.
const LETTER = 1;
const NUMBER = 2;
const NEWLINE = 3;
const SPACE = 4;
const OTHER = 5;

const BLANK = 0x20;
const APOSTROPHE = 0x27;

/** By code point, filled in as they are met. */
const kinds = new Uint8Array(0x110000);

/**
 * The end of the piece that starts at `start` in a text of UTF-8 bytes, by the pattern of cl100k (tiktoken 0.14):
 *
 *     '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
 *
 * By hand: the engine's matcher keeps a way back for every character of a run, and throws when some millions have piled up.
 */
export function pieceEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === APOSTROPHE) {
    const length = contractionLength(bytes, start + 1);
    if (length > 0) return start + 1 + length;
  }
  const kind = kindAt(bytes, start);
  const second = start + widthAt(bytes, start);
  if (kind === LETTER) return runEnd(bytes, second, LETTER);
  if (kind === NUMBER) {
    let end = second;
    for (let i = 0; i < 2 && kindAt(bytes, end) === NUMBER; i++) end += widthAt(bytes, end);
    return end;
  }
  const secondKind = kindAt(bytes, second);
  if (secondKind === LETTER && kind !== NEWLINE) return runEnd(bytes, second, LETTER);
  if (kind === OTHER || (secondKind === OTHER && first === BLANK)) {
    return runEnd(bytes, runEnd(bytes, second, OTHER), NEWLINE);
  }
  return spaceEnd(bytes, start);
}

/** How many bytes of `s`, `d`, `m`, `t`, `ll`, `ve` or `re` stand there; as in Rust, where (?i:s) is also U+017F. */
function contractionLength(bytes: Uint8Array, at: number): number {
  const one = lowerAt(bytes, at);
  const two = lowerAt(bytes, at + 1);
  switch (one) {
    case 0x73: // s
    case 0x64: // d
    case 0x6d: // m
    case 0x74: // t
      return 1;
    case 0x6c: // l
      return two === 0x6c ? 2 : 0;
    case 0x76: // v
    case 0x72: // r
      return two === 0x65 ? 2 : 0;
  }
  return bytes[at] === 0xc5 && bytes[at + 1] === 0xbf ? 2 : 0;
}

/** A letter in lower case; what is none never becomes one. */
function lowerAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** Where the run of one kind ends that starts at `at`, if there is one. */
function runEnd(bytes: Uint8Array, at: number, kind: number): number {
  let end = at;
  while (kindAt(bytes, end) === kind) end += widthAt(bytes, end);
  return end;
}

/** `start` is white space, and no letter or punctuation takes it along. */
function spaceEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  let last = start;
  let afterNewline = start;
  for (let kind = kindAt(bytes, end); kind === SPACE || kind === NEWLINE; kind = kindAt(bytes, end)) {
    last = end;
    end += widthAt(bytes, end);
    if (kind === NEWLINE) afterNewline = end;
  }
  if (end === bytes.length) return end;
  if (afterNewline > start) return afterNewline;
  // The last one is left to what follows.
  return last > start ? last : end;
}

function kindAt(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) return 0;
  const byte = bytes[at] as number;
  const code = byte < 0x80 ? byte : codeAt(bytes, at);
  return kinds[code] || kindOf(code);
}

function codeAt(bytes: Uint8Array, at: number): number {
  const width = widthAt(bytes, at);
  let code = (bytes[at] as number) & (0x7f >> width);
  for (let i = 1; i < width; i++) code = (code << 6) | ((bytes[at + i] as number) & 0x3f);
  return code;
}

/** Bytes of the character at `at`. */
function widthAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] as number;
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

function kindOf(code: number): number {
  const char = String.fromCodePoint(code);
  const kind =
    char === "\r" || char === "\n"
      ? NEWLINE
      : /\p{L}/u.test(char)
        ? LETTER
        : /\p{N}/u.test(char)
          ? NUMBER
          : // Not \s, which has U+FEFF and lacks U+0085.
            /\p{White_Space}/u.test(char)
            ? SPACE
            : OTHER;
  kinds[code] = kind;
  return kind;
}
