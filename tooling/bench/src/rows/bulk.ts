import { onDatabases } from "../on-databases.js";
import { OURS, RAW } from "../results.js";
import { inRounds } from "../rounds.js";
import type { Row } from "../row.js";

const COUNT = 1_000;
const VARIANT = "1,000 messages";

export const bulk: Row = {
  name: "bulk",
  title: "1,000 messages in one call",
  text: `Of 400 characters each, to a new history. The raw driver sends one script or statement. Chatkeep's \`addMessages\` is all or nothing, as is
Mastra's and VoltAgent's; LangChain's sends one by one, and vercel/chat has no call for it, so its 1,000 calls are made at once.`,
  async measure(bench) {
    const { results, quick } = bench;
    for await (const { store, all } of onDatabases(bench)) {
      let number = 0;
      const contenders = all.map(({ name, appendMany }) => ({
        name,
        run: () => appendMany(`bulk ${number++}`, COUNT),
      }));
      const times = await inRounds(contenders, { budgetMs: quick ? 500 : 1_500, fewest: quick ? 3 : 5, most: 100 });
      results.addTimes({ what: "bulk", store, variant: VARIANT }, times);
      const value = (name: string) => results.value("bulk", store, VARIANT, name);
      const text = `${store}: at most 1.5 of the raw driver`;
      results.aimRatio("bulk", text, value(OURS), value(RAW), { atMost: 1.5 });
      if (store === "postgres") {
        const name = "LangChain (postgres)";
        const least = "postgres: at least 50 times as fast as LangChain";
        results.aimRatio("bulk", least, value(name), value(OURS), { atLeast: 50 });
      }
    }
  },
};
