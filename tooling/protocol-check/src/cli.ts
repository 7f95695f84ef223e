import { parseArgs } from "node:util";
import { everyWay } from "./every-way.js";
import { runHistories } from "./histories.js";
import { loadProtocol, type ProtocolName, protocolNames } from "./protocols.js";

const usage = `pnpm check-protocol --histories N [--seed S] [--exhaustive] [--protocol P]
  --histories   random programs to run
  --seed        of the first one, 1 by default; the others follow
  --exhaustive  also runs small programs in every way in which they can go
  --protocol    ${protocolNames.join(", ")}; head by default`;

function options(): { count: number; first: number; exhaustive: boolean; name: ProtocolName } {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      options: { histories: text, seed: text, exhaustive: { type: "boolean" }, protocol: text },
    });
    const { exhaustive = false, protocol = "head" } = values;
    const name = protocolNames.find((each) => each === protocol);
    if (name === undefined) throw new TypeError(`--protocol is ${protocolNames.join(", ")}`);
    const [count, first] = [Number(values.histories ?? 0), Number(values.seed ?? 1)];
    if (!Number.isInteger(count) || !Number.isInteger(first)) throw new TypeError("a number must be an integer");
    if (count <= 0 && !exhaustive) throw new TypeError("--histories is missing");
    return { count, first, exhaustive, name };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

const { count, first, exhaustive, name } = options();
const protocol = await loadProtocol(name);
let violations = 0;
if (exhaustive) {
  for (const [what, program] of Object.entries(protocol.small)) {
    const { ways, complete, report } = await everyWay(protocol, program, { most: 100_000 });
    if (report !== "") violations++;
    console.log(`${what}: ${ways} ways${complete ? "" : ", not all"}\n${report}`.trim());
  }
}
const began = performance.now();
const totals = await runHistories(protocol, { first, count, most: 10 }, ({ seed, report, program }) => {
  violations++;
  console.log(`seed ${seed}\n${report}\n${JSON.stringify(program)}\n`);
});
console.log({ ...totals, violations, seconds: Math.round((performance.now() - began) / 1000) });
process.exitCode = violations > 0 ? 1 : 0;
