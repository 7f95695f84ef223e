import type { Histories } from "../histories.js";
import { onDatabases } from "../on-databases.js";
import { OURS, RAW } from "../results.js";
import { inRounds } from "../rounds.js";
import type { Bench, Row } from "../row.js";

const LENGTH = "1,000";

export const append: Row = {
  name: "append",
  title: "Append",
  text: `One message of 400 characters to a history of ${LENGTH}, which grows by what is appended and is to expire a day later. The raw driver does both in one round trip:
RPUSH and PEXPIRE in a script, or one statement that counts the conversation's messages and inserts. Chatkeep in the same trip
also applies a repeated write once: on Redis its script reads and writes the last 33 operations too, which is most of the difference. LangChain sets the expiry in a second round trip (Redis) or has none (Postgres, where it also has no
order but that of a sequence and no index); Mastra and VoltAgent have no expiry there; Mastra writes a thread, an index and a message.`,
  async measure(bench) {
    const { results } = bench;
    for await (const { store, all } of onDatabases(bench)) {
      results.addTimes({ what: "append", store, variant: LENGTH }, await timeAppends(bench, all));
      const limit = { redis: 1.2, postgres: 1.3 }[store];
      const value = (name: string) => results.value("append", store, LENGTH, name);
      results.aimRatio("append", `${store}: at most ${limit} of the raw driver`, value(OURS), value(RAW), {
        atMost: limit,
      });
    }
  },
};

async function timeAppends({ quick }: Bench, all: readonly Histories[]) {
  const key = "append";
  for (const each of all) await each.fill(key, 1_000);
  let number = 0;
  const contenders = all.map(({ name, append }) => ({ name, run: () => append(key, number++) }));
  return inRounds(contenders, { budgetMs: quick ? 500 : 1_500, fewest: 100, most: 3_000 });
}
