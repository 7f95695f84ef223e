import { fileURLToPath } from "node:url";
import { run } from "@chatkeep/test-servers";

const environments = fileURLToPath(new URL("../../interop/python-env.mjs", import.meta.url));

/** The interpreter of an environment in which LlamaIndex's package for that store is installed; undefined without Python. */
export async function pythonFor(store: string): Promise<string | undefined> {
  try {
    return (await run(process.execPath, [environments, `store-${store}`])).trim();
  } catch (error) {
    console.warn(`LlamaIndex Python is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
