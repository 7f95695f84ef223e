// Writes packages/core/test/golden with the real llama-index-core.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../python-env.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const golden = join(here, "..", "..", "..", "packages", "core", "test", "golden");

function python(interpreter, script, ...args) {
  const environment = { ...process.env, PYTHONHASHSEED: "0", PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1" };
  const result = spawnSync(interpreter, ["-W", "ignore", join(here, script), ...args], {
    env: environment,
    stdio: "inherit",
  });
  if (result.status !== 0) throw result.error ?? new Error(`${script} failed`);
}

const stored = mkdtempSync(join(tmpdir(), "golden-"));
try {
  for (const name of ["newest", "mid", "plain", "old"]) {
    const interpreter = pythonEnvironment(name);
    python(interpreter, "persist_file.py", join(stored, `${name}.persist.json`), join(stored, `${name}.memories.json`));
  }
  python(pythonEnvironment("newest"), "make_golden.py", golden, stored);
} finally {
  rmSync(stored, { recursive: true, force: true });
}
