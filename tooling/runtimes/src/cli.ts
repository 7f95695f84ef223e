import { rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { azuriteAccount, serverKinds } from "@chatkeep/test-servers";
import { userProject } from "./project.js";
import { keepResult, readResults } from "./results.js";
import { type Runtime, type RuntimeName, runtimes } from "./runtimes.js";
import { type StoreName, stores } from "./stores.js";

const USAGE = `pnpm runtimes [--store redis,postgres,…] [--runtime node22,bun,…] [--missing]
  Runs the conformance kit on the packages as they are installed, each store on a server of its own, in each runtime, and
  adds each result to the table of the README. With --missing only what has none there yet, or one with failures.
  stores: ${Object.keys(stores).join(", ")}; runtimes: ${Object.keys(runtimes).join(", ")}`;

const { values } = parseArgs({
  options: { store: { type: "string" }, runtime: { type: "string" }, missing: { type: "boolean" } },
});

function list<Name extends string>(text: string | undefined, all: object): Name[] {
  const chosen = text?.split(",") ?? Object.keys(all);
  const unknown = chosen.find((each) => !Object.hasOwn(all, each));
  if (unknown === undefined) return chosen as Name[];
  console.error(`there is no ${unknown}\n\n${USAGE}`);
  process.exit(2);
}

/** The runtimes in which a store is to be tried. */
function runtimesFor(store: StoreName): RuntimeName[] {
  const results = readResults();
  return chosenRuntimes.filter((name) => {
    const runtime: Runtime = runtimes[name];
    if (runtime.stores !== undefined && !runtime.stores.includes(store)) return false;
    return values.missing !== true || results[name]?.[store]?.failed !== 0;
  });
}

/** Starts the server that a store needs, and runs its kit in each runtime. */
async function tryStore(project: string, store: StoreName): Promise<number> {
  const chosen = runtimesFor(store);
  if (chosen.length === 0) return 0;
  const server = store === "simple" ? undefined : await serverKinds[store].start();
  let failures = 0;
  try {
    for (const name of chosen) {
      const started = Date.now();
      try {
        const report = await runtimes[name].run(project, store, { ...server, account: azuriteAccount });
        keepResult(name, store, report);
        const { version, passed, failed, gaps } = report;
        const seconds = Math.round((Date.now() - started) / 1000);
        console.log(
          `${store} in ${name} (${version}): ${passed} passed, ${failed.length} failed, ${gaps} not meant, ${seconds} s`,
        );
        for (const each of failed) console.log(`  ${each}`);
        failures += failed.length;
      } catch (error) {
        console.log(`${store} in ${name} did not come to an end: ${String(error)}`);
        failures++;
      }
    }
  } finally {
    await server?.stop();
  }
  return failures;
}

const chosenStores = list<StoreName>(values.store, stores);
const chosenRuntimes = list<RuntimeName>(values.runtime, runtimes);

const project = await userProject();
let failures = 0;
try {
  for (const store of chosenStores) failures += await tryStore(project, store);
} finally {
  await rm(project, { recursive: true });
}
process.exitCode = failures === 0 ? 0 : 1;
