import { join } from "node:path";
import { CACHE, fetchOnce, run } from "@chatkeep/test-servers";

/** A runtime as npm has it. */
interface Runtime {
  readonly package: string;
  readonly binary: string;
  readonly flags: readonly string[];
}

const node = (major: number): Runtime => ({ package: `node@${major}`, binary: "node", flags: [] });

export const runtimes: Readonly<Record<string, Runtime>> = {
  node20: node(20),
  node22: node(22),
  node24: node(24),
  node26: node(26),
  bun: { package: "bun@1.4.5", binary: "bun", flags: [] },
  deno: { package: "deno@2.9.6", binary: "deno", flags: ["run", "--quiet", "--allow-all", "--no-lock"] },
};

/** The command that runs a file; the runtime is fetched if it is not there yet. */
export async function commandOf(name: string): Promise<{ file: string; flags: readonly string[] }> {
  const runtime = runtimes[name];
  if (runtime === undefined) throw new Error(`there is no runtime ${name}`);
  const folder = join(CACHE, "runtimes", runtime.package);
  await fetchOnce(folder, async (draft) => {
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefix", draft, runtime.package]);
  });
  return { file: join(folder, "node_modules/.bin", runtime.binary), flags: runtime.flags };
}
