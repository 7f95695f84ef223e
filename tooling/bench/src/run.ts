import { writeFile } from "node:fs/promises";
import { FAILED_IN_PART, type Orders } from "./orders.js";
import { peerLoader, peerVersions } from "./peers.js";
import { Results } from "./results.js";
import { rows } from "./rows.js";
import { Servers } from "./servers.js";

// Runs in a process of its own, on a Node that all the libraries can do with.
const orders = JSON.parse(process.argv[2] ?? "") as Orders;
const { peersFolder, python, quick, stores } = orders;
const results = new Results();
const servers = new Servers();
const load = await peerLoader(peersFolder);
const wants = (store: string) => stores.includes(store);
const began = performance.now();
const failed: string[] = [];
let serverVersions: Record<string, string> = {};
try {
  for (const row of rows) {
    if (!orders.what.includes(row.name)) continue;
    const start = performance.now();
    const bench = { results, servers, load, peersFolder, python, quick, wants };
    // What the others measure is not lost by it.
    await row.measure(bench).catch((error: unknown) => {
      failed.push(row.name);
      console.error(`${row.name} failed:`, error);
    });
    console.log(`${row.name}: ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  }
} finally {
  serverVersions = await servers.versions();
  await servers.stop();
}
const { measurements, aims } = results;
const versions = { Node: process.versions.node, ...serverVersions, ...(await peerVersions(peersFolder)) };
const seconds = Math.round((performance.now() - began) / 1_000);
await writeFile(orders.output, JSON.stringify({ seconds, versions, measurements, aims }));
// Some of the libraries leave timers and connections behind.
process.exit(failed.length === 0 ? 0 : FAILED_IN_PART);
