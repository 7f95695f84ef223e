import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commandOf } from "@chatkeep/runtimes/runtimes";
import { machineKind } from "./machine.js";
import { FAILED_IN_PART, type Orders } from "./orders.js";
import { installPeers } from "./peers.js";
import { pythonInterpreter } from "./python.js";
import { printReport, writeReport, writeReportAgain } from "./report/write.js";
import type { Report } from "./results.js";
import { rows } from "./rows.js";

const stores = ["redis", "postgres", "upstash", "dynamodb", "azurite", "tablestore"];
const names = rows.map(({ name }) => name);

const USAGE = `pnpm bench [--store redis,postgres,…] [--what append,page,…] [--quick] [--write | --render]
  Measures Chatkeep beside raw drivers and other libraries, each on the same server. A whole run writes bench/README.md and
  bench/results; a part of it, or a quick one, prints its report unless told to write it.
  --render measures nothing, and writes the report of the last numbers anew.
  stores: ${stores.join(", ")}; what: ${names.join(", ")}`;

/** Some of the libraries need a newer Node than the packages do; all are measured on this one. */
const RUNTIME = "node24";

function list(text: string | undefined, all: readonly string[]): readonly string[] {
  const chosen = text?.split(",") ?? all;
  const unknown = chosen.find((each) => !all.includes(each));
  if (unknown === undefined) return chosen;
  console.error(`there is no ${unknown}\n\n${USAGE}`);
  process.exit(2);
}

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    store: text,
    what: text,
    quick: { type: "boolean" },
    write: { type: "boolean" },
    render: { type: "boolean" },
  },
});
if (values.render === true) {
  await writeReportAgain();
  process.exit();
}
const chosen = { stores: list(values.store, stores), what: list(values.what, names) };
const { quick = false, write = !quick && values.store === undefined && values.what === undefined } = values;

const peersFolder = await installPeers();
const { file } = await commandOf(RUNTIME);
const python = chosen.what.includes("turn") ? await pythonInterpreter() : undefined;
const folder = await mkdtemp(join(tmpdir(), "chatkeep-bench-"));
try {
  const output = join(folder, "output.json");
  const orders: Orders = { ...chosen, quick, peersFolder, python, output };
  const preload = new URL("../../test-servers/src/client-preload.mjs", import.meta.url).href;
  const script = fileURLToPath(new URL("./run.ts", import.meta.url));
  const args = ["--expose-gc", "--import", preload, script, JSON.stringify(orders)];
  // The built packages, and every library as in production.
  const env = { ...process.env, CHATKEEP_BUILT: "1", NODE_ENV: "production", MASTRA_OFFLINE: "1" };
  const child = spawn(file, args, { env, stdio: "inherit" });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) process.exitCode = 1;
  if (code !== 0 && code !== FAILED_IN_PART) throw new Error(`the measurements ended with ${code}`);
  const measured = JSON.parse(await readFile(output, "utf8")) as Omit<Report, "date" | "command" | "machine">;
  const date = new Date().toISOString().slice(0, 10);
  const command = ["pnpm bench", ...process.argv.slice(2)].join(" ");
  const report = { date, command, machine: machineKind(), ...measured };
  if (write) await writeReport(report);
  else printReport(report);
} finally {
  await rm(folder, { recursive: true });
}
