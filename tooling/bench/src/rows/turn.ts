import { RedisChatStore } from "@chatkeep/chat-store-redis";
import { ofStore } from "../histories.js";
import { chatkeepRedis, langChainRedis } from "../on-redis.js";
import { OURS } from "../results.js";
import type { Bench, Row } from "../row.js";
import { summarize } from "../statistics.js";
import { chatkeepTurns, pythonTurns, TOKEN_LIMIT, type TurnTaker, workerTurns } from "../turns.js";
import { variantOf } from "./page.js";

const WHAT = "turn";
const STORE = "redis";
const COMPARED = 10_000;

export const turn: Row = {
  name: WHAT,
  title: "A turn of the memory",
  text: `\`put\` twice and \`get\` the window of ${TOKEN_LIMIT.toLocaleString("en-US")} tokens, of a history of so many messages of 400 characters. Chatkeep, LangChain
(\`RedisChatMessageHistory\` and \`trimMessages\`, with a token counter that remembers every text) and LlamaIndex Python are on the same Redis;
LlamaIndex.TS has no store but its own in memory, and is measured with that. All but Chatkeep read the whole history; the LlamaIndexes count it
anew for every message that they leave out, so that they were stopped where a > stands.`,
  async measure(bench) {
    const { results, quick } = bench;
    if (!bench.wants(STORE)) return;
    const lengths = quick ? [100, COMPARED] : [10, 100, 1_000, COMPARED, 100_000];
    for (const length of lengths) await measureLength(bench, length);
    const value = (length: number, name: string) => results.value(WHAT, STORE, variantOf(length), name);
    const longest = lengths.at(-1) ?? 0;
    const flat = `of ${variantOf(longest)} at most 1.2 of the time of 100`;
    results.aimRatio(WHAT, flat, value(longest, OURS), value(100, OURS), { atMost: 1.2 });
    for (const name of ["LangChain", "LlamaIndex.TS", "LlamaIndex Python"]) {
      const text = `of ${variantOf(COMPARED)}: at least 100 times as fast as ${name}`;
      results.aimRatio(WHAT, text, value(COMPARED, name), value(COMPARED, OURS), { atLeast: 100 });
    }
  },
};

async function measureLength(bench: Bench, length: number): Promise<void> {
  const { results, quick } = bench;
  const takers = await open(bench, length);
  const times = new Map<string, number[]>(takers.map(({ name }) => [name, []]));
  const deadlineMs = quick ? 3_000 : 8_000;
  const budgetMs = quick ? 500 : 1_000;
  const active = new Set(takers);
  for (let round = 0; active.size > 0 && round < 200; round++) {
    for (const taker of [...active]) {
      const { name } = taker;
      const samples = times.get(name) ?? [];
      const turn = await taker.turn(length + round * 2, deadlineMs);
      if (turn === undefined) {
        active.delete(taker);
        // It would go on counting, beside the others.
        await taker.close();
        if (samples.length > 0) continue;
        const place = { what: WHAT, store: STORE, variant: variantOf(length), contender: name, unit: "ms" };
        results.add({ ...place, value: deadlineMs, stopped: true });
        continue;
      }
      if (turn.messages === 0) throw new Error(`${name} gave an empty window`);
      // The first one warms up, unless it took long enough to be no exception.
      if (round > 0 || turn.ms > 1_000) samples.push(turn.ms);
      const used = samples.reduce((sum, ms) => sum + ms, 0);
      if (used >= budgetMs && samples.length >= (used > 4 * budgetMs ? 1 : 5)) active.delete(taker);
    }
  }
  for (const taker of takers) await taker.close();
  const measured = [...times].filter(([, samples]) => samples.length > 0);
  const summaries = new Map(measured.map(([name, samples]) => [name, summarize(samples)]));
  results.addTimes({ what: WHAT, store: STORE, variant: variantOf(length) }, summaries);
}

async function open(bench: Bench, length: number): Promise<TurnTaker[]> {
  const { servers, load, peersFolder, python } = bench;
  const { url } = await servers.get(STORE);
  const key = `turn of ${length}`;
  const histories = [
    chatkeepRedis(url),
    await langChainRedis(url, load),
    ofStore(new RedisChatStore({ redisUrl: url, layout: "llamaindex", keyPrefix: "python:" })),
  ];
  for (const each of histories) {
    await each.fill(key, length);
    await each.close();
  }
  const orders = { peersFolder, url, key, length };
  return [
    await chatkeepTurns(url, key),
    await workerTurns("LangChain", { ...orders, memory: "langchain" }),
    await workerTurns("LlamaIndex.TS", { ...orders, memory: "llamaindex" }),
    ...(python === undefined ? [] : [await pythonTurns(python, url, `python:${key}`)]),
  ];
}
