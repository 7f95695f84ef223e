import { rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type OwnServer, run, type ServerName, serverKinds } from "@chatkeep/test-servers";
import { userProject } from "./project.js";
import { commandOf, runtimes } from "./runtimes.js";

/** By the name of the server that each needs. */
const stores = ["simple", "redis", "upstash", "azurite", "dynamodb", "postgres", "tablestore"];

const USAGE = `pnpm runtimes [--store redis,postgres,…] [--runtime node22,bun,…]
  Runs the conformance kit on the packages as they are installed, each store on a server of its own, in each runtime.
  stores: ${stores.join(", ")}; runtimes: ${Object.keys(runtimes).join(", ")}`;

interface Report {
  version: string;
  passed: number;
  failed: string[];
  gaps: number;
}

function list(text: string | undefined, all: readonly string[]): readonly string[] {
  const chosen = text?.split(",") ?? all;
  const unknown = chosen.find((each) => !all.includes(each));
  if (unknown === undefined) return chosen;
  console.error(`there is no ${unknown}\n\n${USAGE}`);
  process.exit(2);
}

const { values } = parseArgs({ options: { store: { type: "string" }, runtime: { type: "string" } } });
const chosenStores = list(values.store, stores);
const chosenRuntimes = list(values.runtime, Object.keys(runtimes));

const project = await userProject();
let failures = 0;
try {
  for (const store of chosenStores) {
    const server: OwnServer | undefined =
      store === "simple" ? undefined : await serverKinds[store as ServerName].start();
    try {
      for (const runtime of chosenRuntimes) {
        const { file, flags } = await commandOf(runtime);
        const args = [...flags, "kit.mjs", store, JSON.stringify(server ?? {})];
        const report = JSON.parse(await run(file, args, { cwd: project })) as Report;
        console.log(
          `${store} on ${runtime} ${report.version}: ${report.passed} passed, ${report.failed.length} failed`,
        );
        for (const each of report.failed) console.log(`  ${each}`);
        failures += report.failed.length;
      }
    } finally {
      await server?.stop();
    }
  }
} finally {
  await rm(project, { recursive: true });
}
process.exitCode = failures === 0 ? 0 : 1;
