// Runs in the runtime that is tried, in a project with the packages installed: node kit.mjs store '{"url":"…"}'.
// Prints what the conformance kit says, as JSON.
import process from "node:process";
import { runConformance } from "@chatkeep/chat-store-conformance";
import { subjects } from "./subjects.mjs";

const [store, connection] = process.argv.slice(2);
const { passed, failures, gaps } = await runConformance(await subjects[store](JSON.parse(connection)));
const { bun, deno, node } = process.versions;
const version = bun ?? deno ?? node;
const failed = failures.map(({ group, title, error }) => `${group}: ${title}: ${String(error?.stack ?? error)}`);
console.log(JSON.stringify({ version, passed, failed, gaps: gaps.length }));
process.exit(0);
