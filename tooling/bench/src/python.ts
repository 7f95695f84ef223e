import { fileURLToPath } from "node:url";
import { run } from "@chatkeep/test-servers";

const environments = fileURLToPath(new URL("../../interop/python-env.mjs", import.meta.url));

/** The interpreter of the environment with LlamaIndex's newest packages; undefined where there is no Python. */
export async function pythonInterpreter(): Promise<string | undefined> {
  try {
    return (await run(process.execPath, [environments, "newest"])).trim();
  } catch (error) {
    console.warn(`LlamaIndex Python is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
