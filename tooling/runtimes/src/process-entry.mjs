// Runs the kit in the process of a runtime, in a project with the packages installed: `node process-entry.mjs redis
// '{"url":"…"}'`. Prints what it says, as JSON.
import process from "node:process";
import { runKit } from "./run-kit.mjs";

const [store, connection] = process.argv.slice(2);
const { subject } = await import(`./subjects/${store}.mjs`);
const { bun, deno, node } = process.versions;
console.log(JSON.stringify({ version: bun ?? deno ?? node, ...(await runKit(subject(JSON.parse(connection)))) }));
process.exit(0);
