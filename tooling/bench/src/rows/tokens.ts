import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import type { LoadPeer } from "../peers.js";
import { OURS } from "../results.js";
import { inRounds } from "../rounds.js";
import type { Row } from "../row.js";
import { prose } from "../texts.js";

const WHAT = "tokens";
const MEGABYTE = 1_000_000;
const JS_TIKTOKEN = "js-tiktoken";

const code = `export function parseRange(text: string): readonly [number, number] | undefined {
  const match = /^(\\d+)-(\\d+)$/.exec(text.trim());
  if (match === null) return undefined; // not a range
  return [Number(match[1]), Number(match[2])];
}
`;
const chinese =
  "会議の議事録を昨日送りました。请把第二段翻译成英文，并说明每个术语的意思。회의는 목요일로 옮겼습니다. ";

const repeated = (text: string, length: number) => text.repeat(Math.ceil(length / text.length)).slice(0, length);

/** Texts of one kind, of any length. */
const kinds: Readonly<Record<string, (length: number) => string>> = {
  prose: (length) => prose(length),
  code: (length) => repeated(code, length),
  CJK: (length) => repeated(chinese, length),
  base64: (length) => randomBytes(length).toString("base64").slice(0, length),
  'a run of "a"': (length) => "a".repeat(length),
  "a run of blanks": (length) => " ".repeat(length),
};

/** Characters; of runs only so many, since others take a square of the time for them. */
const LENGTH = 50_000;
const RUN = 1_000;
const isRun = (kind: string) => kind.startsWith("a run");

export const tokens: Row = {
  name: WHAT,
  title: "Counting tokens",
  text: `cl100k_base, in texts of ${LENGTH.toLocaleString("en-US")} characters, and of ${RUN.toLocaleString("en-US")} for runs of one character (js-tiktoken takes seconds for 10,000). Chatkeep
counts with js-tiktoken's own table, and remembers short pieces that it has seen, so that text is faster which resembles what it had before.
gpt-tokenizer remembers pieces of any length: a run is merged once and only looked up then. The others make the tokens. Below, what Chatkeep takes for a megabyte of each that it has not seen.`,
  async measure({ results, load, quick }) {
    const counters = await everyone(load);
    for (const [kind, textOf] of Object.entries(kinds)) {
      const text = textOf(isRun(kind) ? RUN : LENGTH);
      const counts = new Set(counters.map(({ count }) => count(text)));
      if (counts.size > 1) throw new Error(`${kind}: they count differently: ${[...counts].join(", ")}`);
      const contenders = counters.map(({ name, count }) => ({ name, run: () => count(text) }));
      const times = await inRounds(contenders, { budgetMs: quick ? 200 : 500, fewest: 3, most: 200 });
      results.addTimes({ what: WHAT, store: "", variant: kind }, times);
    }
    const value = (name: string) => results.value(WHAT, "", "prose", name);
    const text = "prose of pieces that were seen: at least 4 times as fast as js-tiktoken";
    results.aimRatio(WHAT, text, value(JS_TIKTOKEN), value(OURS), { atLeast: 4 });
    const [ours] = counters;
    if (ours === undefined) return;
    for (const [kind, textOf] of Object.entries(kinds)) {
      const megabyte = textOf(MEGABYTE);
      const began = performance.now();
      ours.count(megabyte);
      const elapsed = performance.now() - began;
      const place = { what: WHAT, store: "", variant: kind, contender: `${OURS}, a megabyte` };
      results.add({ ...place, unit: "ms, once", value: elapsed });
      results.aim(WHAT, `a megabyte of ${kind}: at most 2 s`, elapsed, { atMost: 2_000 }, "ms");
    }
  },
};

interface Counter {
  readonly name: string;
  count(text: string): number;
}

interface GptTokenizer {
  encode(text: string): number[];
}
interface Tiktoken {
  get_encoding(name: string): { encode(text: string): { length: number } };
}
interface JsTiktoken {
  getEncoding(name: string): { encode(text: string): number[] };
}

/** It is not exported: a memory loads this file of the built package when it first counts. */
async function ourCounter(): Promise<(text: string) => number> {
  const built = new URL("../../../../packages/core/dist/", import.meta.url);
  const file = (await readdir(built)).find((name) => /^cl100k-.*\.js$/.test(name));
  if (file === undefined) throw new Error("packages/core is not built");
  const { loadCl100k } = (await import(new URL(file, built).href)) as Loaded;
  return loadCl100k();
}

interface Loaded {
  loadCl100k(): Promise<(text: string) => number>;
}

async function everyone(load: LoadPeer): Promise<Counter[]> {
  const { encode } = await load<GptTokenizer>("gpt-tokenizer/encoding/cl100k_base");
  const wasm = (await load<Tiktoken>("tiktoken")).get_encoding("cl100k_base");
  const theirs = (await load<JsTiktoken>("js-tiktoken")).getEncoding("cl100k_base");
  return [
    { name: OURS, count: await ourCounter() },
    { name: JS_TIKTOKEN, count: (text) => theirs.encode(text).length },
    { name: "gpt-tokenizer", count: (text) => encode(text).length },
    { name: "tiktoken (WASM)", count: (text) => wasm.encode(text).length },
  ];
}
