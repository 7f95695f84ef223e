import { rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { azuriteAccount, serverKinds } from "@chatkeep/test-servers";
import { userProject } from "./project.js";
import { keepResult } from "./results.js";
import { type Runtime, type RuntimeName, runtimes } from "./runtimes.js";
import { type StoreName, stores } from "./stores.js";

const USAGE = `pnpm runtimes [--store redis,postgres,…] [--runtime node22,bun,…]
  Runs the conformance kit on the packages as they are installed, each store on a server of its own, in each runtime, and
  writes the results into the table of the README.
  stores: ${Object.keys(stores).join(", ")}; runtimes: ${Object.keys(runtimes).join(", ")}`;

function list<Name extends string>(text: string | undefined, all: object): Name[] {
  const chosen = text?.split(",") ?? Object.keys(all);
  const unknown = chosen.find((each) => !Object.hasOwn(all, each));
  if (unknown === undefined) return chosen as Name[];
  console.error(`there is no ${unknown}\n\n${USAGE}`);
  process.exit(2);
}

/** Starts the server that a store needs, and runs its kit in each runtime. */
async function tryStore(project: string, store: StoreName, chosen: readonly RuntimeName[]): Promise<number> {
  const server = store === "simple" ? undefined : await serverKinds[store].start();
  let failures = 0;
  try {
    for (const name of chosen) {
      const runtime: Runtime = runtimes[name];
      if (runtime.stores !== undefined && !runtime.stores.includes(store)) continue;
      const started = Date.now();
      try {
        const report = await runtime.run(project, store, { ...server, account: azuriteAccount });
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

const { values } = parseArgs({ options: { store: { type: "string" }, runtime: { type: "string" } } });
const chosenStores = list<StoreName>(values.store, stores);
const chosenRuntimes = list<RuntimeName>(values.runtime, runtimes);

const project = await userProject();
let failures = 0;
try {
  for (const store of chosenStores) failures += await tryStore(project, store, chosenRuntimes);
} finally {
  await rm(project, { recursive: true });
}
process.exitCode = failures === 0 ? 0 : 1;
