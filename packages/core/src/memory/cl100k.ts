import { countMerged, type Ranks } from "./bpe-merge.js";
import { createPieceFinder } from "./bpe-pieces.js";
import { TokenCache } from "./token-cache.js";

/** Pieces whose counts are kept, in two generations of this many. Longer ones, in UTF-16 units, are rare and seldom return. */
const MAX_CACHED_PIECES = 10_000;
const MAX_CACHED_PIECE = 256;
const MAX_CACHED_CHARS = 500_000;

/** The longest token is this many blanks. */
const BLANK_TOKEN = 128;

let loading: Promise<(text: string) => number> | undefined;

/**
 * Counts tokens as Python's tiktoken does with `cl100k_base` and `allowed_special="all"`, LlamaIndex's default tokenizer.
 * Loads the rank table (1.1 MB of source, some 15 MB in memory) once, on the first call; a failed load is tried anew.
 *
 * The time is near linear in the text, whatever the text is; js-tiktoken's own encoder takes 18 s for 10,000 times "a".
 * What is a letter is as new as the Unicode of the engine, so a character newer than tiktoken's tables may count differently.
 */
export async function loadCl100k(): Promise<(text: string) => number> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<(text: string) => number> {
  const { default: table } = await import("js-tiktoken/ranks/cl100k_base");
  const ranks = readRanks(table.bpe_ranks);
  const special = new RegExp(
    Object.keys(table.special_tokens).join(" ").replaceAll("|", "\\|").replaceAll(" ", "|"),
    "u",
  );
  const pieceEnd = createPieceFinder();
  const counts = new TokenCache<number>(MAX_CACHED_PIECES, MAX_CACHED_CHARS);

  const countPiece = (piece: string): number => {
    if (isAscii(piece) && ranks.has(piece)) return 1;
    const known = counts.get(piece);
    if (known !== undefined) return known;
    const blanks = countBlankTokens(piece);
    if (blanks > 0) return blanks + countPiece(piece.slice(blanks * BLANK_TOKEN));
    const bytes = toBytes(piece);
    const count = ranks.has(bytes) ? 1 : countMerged(bytes, ranks);
    if (piece.length <= MAX_CACHED_PIECE) counts.set(piece, count);
    return count;
  };

  return (text) => {
    // A special token counts one, and what lies between two of them is encoded by itself.
    const segments = text.split(special);
    let count = segments.length - 1;
    for (const segment of segments) {
      for (let start = 0, end = 0; start < segment.length; start = end) {
        end = pieceEnd(segment, start);
        count += countPiece(segment.slice(start, end));
      }
    }
    return count;
  };
}

/**
 * How many tokens of 128 blanks a long piece of nothing but blanks begins with: all but the last 128 to 255 blanks, as merging
 * goes from the left and doubles. Joined empty contents make such pieces, longer with each message.
 */
function countBlankTokens(piece: string): number {
  if (piece.length < 2 * BLANK_TOKEN || piece !== " ".repeat(piece.length)) return 0;
  return Math.floor(piece.length / BLANK_TOKEN) - 1;
}

/** From lines of "! <rank of the first token> <token in base64> <token in base64> ...". */
function readRanks(table: string): Ranks {
  const ranks = new Map<string, number>();
  for (const line of table.split("\n")) {
    const [, first, ...tokens] = line.split(" ");
    tokens.forEach((token, i) => {
      ranks.set(atob(token), Number(first) + i);
    });
  }
  return ranks;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of `text`, one character (0 to 255) each; a lone surrogate becomes U+FFFD, as in tiktoken. */
function toBytes(text: string): string {
  if (isAscii(text)) return text;
  const bytes = encoder.encode(text);
  let chars = "";
  // In slices, as an engine bounds the arguments of a call.
  for (let i = 0; i < bytes.length; i += 4096) chars += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return chars;
}
