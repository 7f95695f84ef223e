import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "@chatkeep/test-servers";

const interop = (file: string) => fileURLToPath(new URL(`../../interop/${file}`, import.meta.url));

/** The interpreter of an environment with LlamaIndex's package for Redis; undefined where there is no Python. */
export async function pythonInterpreter(): Promise<string | undefined> {
  const name = existsSync(interop("requirements-store-redis.txt")) ? "store-redis" : "newest";
  try {
    return (await run(process.execPath, [interop("python-env.mjs"), name])).trim();
  } catch (error) {
    console.warn(`LlamaIndex Python is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
