import { join } from "node:path";
import { CACHE, fetchOnce, run } from "@chatkeep/test-servers";
import { inChromium } from "./chromium.js";
import type { Report } from "./report.js";
import type { StoreName } from "./stores.js";
import { inWorkerd } from "./workerd.js";

/** Where a store's kit is run. */
export interface Runtime {
  readonly title: string;
  /** All, where it is not given. */
  readonly stores?: readonly StoreName[];
  /** Runs the kit on a store in a project with the packages installed. The runtime is fetched if it is not there yet. */
  run(project: string, store: StoreName, connection: object): Promise<Report>;
}

/** A runtime that npm has as a package with a binary. */
interface FromNpm {
  readonly package: string;
  readonly binary: string;
  readonly flags: readonly string[];
}

const node = (major: number): FromNpm => ({ package: `node@${major}`, binary: "node", flags: [] });

const fromNpm = {
  node20: node(20),
  node22: node(22),
  node24: node(24),
  node26: node(26),
  bun: { package: "bun@1.4.5", binary: "bun", flags: [] },
  deno: { package: "deno@2.9.6", binary: "deno", flags: ["run", "--quiet", "--allow-all", "--no-lock"] },
} satisfies Record<string, FromNpm>;

/** The command that runs a file; the runtime is fetched if it is not there yet. */
export async function commandOf(name: keyof typeof fromNpm): Promise<{ file: string; flags: readonly string[] }> {
  const { package: pkg, binary, flags } = fromNpm[name];
  const folder = join(CACHE, "runtimes", pkg);
  await fetchOnce(folder, async (draft) => {
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefix", draft, pkg]);
  });
  return { file: join(folder, "node_modules/.bin", binary), flags };
}

const asProcess = (title: string, name: keyof typeof fromNpm): Runtime => ({
  title,
  async run(project, store, connection) {
    const { file, flags } = await commandOf(name);
    const args = [...flags, "process-entry.mjs", store, JSON.stringify(connection)];
    return JSON.parse(await run(file, args, { cwd: project })) as Report;
  },
});

export const runtimes = {
  node20: asProcess("Node", "node20"),
  node22: asProcess("Node", "node22"),
  node24: asProcess("Node", "node24"),
  node26: asProcess("Node", "node26"),
  bun: asProcess("Bun", "bun"),
  deno: asProcess("Deno", "deno"),
  // What needs nothing of Node.
  workerd: { title: "workerd (Cloudflare Workers)", stores: ["simple", "upstash"], run: inWorkerd },
  chromium: { title: "Chromium, headless", stores: ["simple"], run: inChromium },
} satisfies Record<string, Runtime>;

export type RuntimeName = keyof typeof runtimes;
