import type { Histories } from "../histories.js";
import { onDatabases } from "../on-databases.js";
import { OURS, RAW, type Results } from "../results.js";
import { inRounds } from "../rounds.js";
import type { Row } from "../row.js";

const LIMIT = 20;
const COMPARED = 5_000;

export const variantOf = (length: number) => length.toLocaleString("en-US");

export const page: Row = {
  name: "page",
  title: "The newest 20 messages",
  text: `Of a history of so many. The raw driver reads \`LRANGE -20 -1\` or an index, and parses JSON. Chatkeep on Redis does
the same, after two short commands: one that only a primary does, and one that gives the cursor its meaning. LangChain, Mastra on Redis and vercel/chat
read everything and take the end (vercel/chat is meant for lists with a maximum, which it was not given). Each table of each library
holds all of its histories that are compared here, and LangChain's has no index on the session. A page of VoltAgent's or of Mastra's is
ordered by time; messages of one call of VoltAgent's share theirs.`,
  async measure(bench) {
    const { results, quick } = bench;
    const lengths = quick ? [100, COMPARED, 20_000] : [10, 100, 1_000, COMPARED, 100_000];
    for await (const { store, all } of onDatabases(bench)) {
      for (const length of lengths) {
        const key = `page of ${length}`;
        for (const each of all) await fill(each, key, length);
        const contenders = all.map((each) => ({ name: each.name, run: () => readPage(each, key) }));
        const times = await inRounds(contenders, { budgetMs: quick ? 300 : 800, fewest: 5, most: 1_000 });
        results.addTimes({ what: "page", store, variant: variantOf(length) }, times);
      }
      judge(results, store, lengths, all);
    }
  },
};

async function fill(histories: Histories, key: string, length: number): Promise<void> {
  await histories.fill(key, length);
  const got = (await histories.newest(key, LIMIT)).length;
  if (got !== Math.min(LIMIT, length)) throw new Error(`${histories.name}: a page of ${length} has ${got} messages`);
}

const readPage = ({ newest }: Histories, key: string) => newest(key, LIMIT);

function judge(results: Results, store: string, lengths: readonly number[], all: readonly Histories[]): void {
  const value = (length: number, name: string) => results.value("page", store, variantOf(length), name);
  const longest = lengths.at(-1) ?? 0;
  for (const length of [100, COMPARED, longest]) {
    const text = `${store}, of ${variantOf(length)}: at most 1.3 of the raw driver`;
    results.aimRatio("page", text, value(length, OURS), value(length, RAW), { atMost: 1.3 });
  }
  const flat = `${store}: of ${variantOf(longest)} at most 1.2 of the time of 100`;
  results.aimRatio("page", flat, value(longest, OURS), value(100, OURS), { atMost: 1.2 });
  for (const { name } of all) {
    if (name === OURS || name === RAW) continue;
    const readsAll = !/pg|VoltAgent/.test(name);
    const atLeast = readsAll ? 50 : 1;
    const text = `${store}, of ${variantOf(COMPARED)}: at least ${atLeast} times as fast as ${name}`;
    results.aimRatio("page", text, value(COMPARED, name), value(COMPARED, OURS), { atLeast });
  }
}
