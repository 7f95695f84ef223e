import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TablestoreServer } from "../src/index.js";

const run = promisify(execFile);

const environments = fileURLToPath(new URL("../../interop/python-env.mjs", import.meta.url));
const cache = fileURLToPath(new URL("../../../.cache/", import.meta.url));
const runner = fileURLToPath(new URL("python/run_sdk_tests.py", import.meta.url));

/** The newest source distribution that has the SDK's tests and examples in it. */
const SOURCE = {
  version: "6.1.0",
  sha256: "bfe6a3e0fe88a230729723c357f4a46b8869a06a4b936db20692ed587a721c1c",
};

/** The interpreter of an environment that has the official SDK: it checks digest, date and signature of every answer. */
export async function sdkPython(): Promise<string> {
  const { stdout } = await run(process.execPath, [environments, "newest"]);
  return stdout.trim();
}

/** A folder with the `tests` and `examples` of the SDK, as published on PyPI; fetched once. */
async function sdkSources(python: string): Promise<string> {
  const folder = join(cache, `tablestore-python-sdk-${SOURCE.version}`);
  if ((await readdir(folder).catch(() => [])).length > 0) return folder;
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, "tablestore-python-sdk-"));
  try {
    const source = `tablestore==${SOURCE.version}`;
    await run(python, [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--no-binary",
      ":all:",
      "--dest",
      draft,
      source,
    ]);
    const archive = join(draft, `tablestore-${SOURCE.version}.tar.gz`);
    const digest = createHash("sha256")
      .update(await readFile(archive))
      .digest("hex");
    if (digest !== SOURCE.sha256) throw new Error(`${source} is not what it was: ${digest}`);
    await run("tar", ["xzf", archive, "-C", draft]);
    // Not the SDK itself: what is tested is the one in the environment, which is newer.
    const wanted = join(draft, "wanted");
    for (const name of ["tests", "examples"]) {
      await cp(join(draft, `tablestore-${SOURCE.version}`, name), join(wanted, name), { recursive: true });
    }
    await rename(wanted, folder).catch(async (error) => {
      // Another run was faster.
      if ((await readdir(folder).catch(() => [])).length === 0) throw error;
    });
    return folder;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** As the SDK's tests and examples read it. */
const sdkVariables = (server: TablestoreServer) => ({
  OTS_TEST_ENDPOINT: server.url,
  OTS_TEST_ACCESS_KEY_ID: server.accessKeyId,
  OTS_TEST_ACCESS_KEY_SECRET: server.accessKeySecret,
  OTS_TEST_INSTANCE: server.instanceName,
});

interface Outcome {
  readonly test: string;
  readonly ok: boolean;
  readonly error?: string;
}

/** The outcomes of the tests in modules of the SDK (`tests.row_op_test`), or of its examples (`get_row`). */
export async function runSdk(
  python: string,
  kind: "tests" | "examples",
  names: readonly string[],
  server: TablestoreServer,
): Promise<Outcome[]> {
  const folder = await sdkSources(python);
  const { stdout } = await run(python, [runner, kind, folder, ...names], {
    env: { ...process.env, ...sdkVariables(server), PYTHONPYCACHEPREFIX: join(dirname(python), "..", "pycache") },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
