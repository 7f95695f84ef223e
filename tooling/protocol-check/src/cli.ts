import { parseArgs } from "node:util";
import { HeadDriver } from "@chatkeep/chat-store-core/backend";
import { everyWay } from "./every-way.js";
import { runHistories } from "./histories.js";
import { smallPrograms } from "./small-programs.js";

const usage = `pnpm check-protocol --histories N [--seed S] [--exhaustive]
  --histories   random programs to run
  --seed        of the first one, 1 by default; the others follow
  --exhaustive  also runs small programs in every way in which they can go`;

function options(): { count: number; first: number; exhaustive: boolean } {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ options: { histories: text, seed: text, exhaustive: { type: "boolean" } } });
    const { exhaustive = false } = values;
    const [count, first] = [Number(values.histories ?? 0), Number(values.seed ?? 1)];
    if (!Number.isInteger(count) || !Number.isInteger(first)) throw new TypeError("a number must be an integer");
    if (count <= 0 && !exhaustive) throw new TypeError("--histories is missing");
    return { count, first, exhaustive };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

const { count, first, exhaustive } = options();
const checked = { HeadDriver, watch: true };
let violations = 0;
if (exhaustive) {
  for (const [name, program] of Object.entries(smallPrograms)) {
    const { ways, complete, report } = await everyWay(program, { ...checked, most: 100_000 });
    if (report !== "") violations++;
    console.log(`${name}: ${ways} ways${complete ? "" : ", not all"}\n${report}`.trim());
  }
}
const began = performance.now();
const totals = await runHistories({ ...checked, first, count, most: 10 }, ({ seed, report, program }) => {
  violations++;
  console.log(`seed ${seed}\n${report}\n${JSON.stringify(program)}\n`);
});
console.log({ ...totals, violations, seconds: Math.round((performance.now() - began) / 1000) });
process.exitCode = violations > 0 ? 1 : 0;
