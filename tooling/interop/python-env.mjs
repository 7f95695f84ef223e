import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, env, exit, kill, pid, platform, stdout } from "node:process";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const venvs = join(here, ".venv");
const windows = platform === "win32";
const systemPython = env.PYTHON || (windows ? "python" : "python3");

/** The names `pythonEnvironment` takes, one per requirements file. */
export function pythonEnvironments() {
  return readdirSync(here)
    .map((file) => /^requirements(?:-(.+))?\.txt$/.exec(file))
    .filter((match) => match !== null)
    .map((match) => match[1] ?? "newest")
    .sort();
}

/**
 * The interpreter of the virtual environment `name` ("newest" is requirements.txt, any other
 * name is requirements-<name>.txt). Creates it first when it is absent or out of date.
 */
export function pythonEnvironment(name = "newest") {
  const requirements = join(here, name === "newest" ? "requirements.txt" : `requirements-${name}.txt`);
  if (!existsSync(requirements)) {
    throw new Error(`There is no Python environment "${name}"; there are: ${pythonEnvironments().join(", ")}`);
  }
  const folder = join(venvs, name);
  const interpreter = join(folder, ...(windows ? ["Scripts", "python.exe"] : ["bin", "python"]));
  const stampFile = join(folder, "requirements.sha256");
  const stamp = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const ready = () => existsSync(interpreter) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;

  if (ready()) return interpreter;
  const unlock = lock(name);
  try {
    if (ready()) return interpreter;
    checkPython();
    rmSync(folder, { recursive: true, force: true });
    if (name === "uv") installWithPip(folder, interpreter, requirements);
    else installWithUv(pythonEnvironment("uv"), folder, interpreter, requirements);
    // Last, so that an interrupted installation is repeated.
    writeFileSync(stampFile, stamp);
    return interpreter;
  } finally {
    unlock();
  }
}

function run(command, args) {
  const result = spawnSync(command, args, { encoding: "utf8" });
  const output = result.error ? result.error.message : `${result.stdout}${result.stderr}`.trim();
  return { ok: result.status === 0, output };
}

function checkPython() {
  const found = run(systemPython, ["-c", 'import sys; assert sys.version_info >= (3, 11), sys.version; print("ok")']);
  if (!found.ok) {
    throw new Error(
      `Python 3.11 or newer is needed, and "${systemPython}" is not that (set PYTHON to choose another one):\n${found.output}`,
    );
  }
}

function create(folder) {
  const venv = run(systemPython, ["-m", "venv", folder]);
  if (venv.ok) return;
  rmSync(folder, { recursive: true, force: true });
  const virtualenv = run(systemPython, ["-m", "virtualenv", "--quiet", folder]);
  if (virtualenv.ok) return;
  rmSync(folder, { recursive: true, force: true });
  throw new Error(
    `"${systemPython} -m venv" failed. Install the venv module (on Debian and Ubuntu the package python3-venv) or virtualenv.\n${venv.output}\n${virtualenv.output}`,
  );
}

/** Takes minutes for a whole LlamaIndex, and so is only for what installs the rest. */
function installWithPip(folder, interpreter, requirements) {
  create(folder);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
  const installed = run(interpreter, [...pip, "--requirement", requirements]);
  if (!installed.ok) throw new Error(`pip could not install ${requirements}:\n${installed.output}`);
}

/** Nothing is compiled: Python does that for what is imported. What two environments have in common is on disk once. */
function installWithUv(python, folder, interpreter, requirements) {
  const uv = ["-m", "uv", "--quiet", "--no-config"];
  const made = run(python, [...uv, "venv", "--seed", "--python", systemPython, folder]);
  if (!made.ok) throw new Error(`uv could not make an environment of ${systemPython}:\n${made.output}`);
  const installed = run(python, [...uv, "pip", "install", "--python", interpreter, "--requirements", requirements]);
  if (!installed.ok) throw new Error(`uv could not install ${requirements}:\n${installed.output}`);
}

/** Test runs of several packages may want the same environment at once. */
function lock(name) {
  mkdirSync(venvs, { recursive: true });
  const file = join(venvs, `${name}.lock`);
  for (;;) {
    try {
      writeFileSync(file, String(pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (abandoned(file)) rmSync(file, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
}

function abandoned(file) {
  let owner;
  try {
    owner = Number(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
  // Still empty: its owner is just about to write.
  if (!owner) return false;
  try {
    kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

if (argv[1] && fileURLToPath(import.meta.url) === realpathSync(argv[1])) {
  try {
    stdout.write(`${pythonEnvironment(argv[2])}\n`);
  } catch (error) {
    console.error(error.message);
    exit(1);
  }
}
