import { chatStoreError } from "../errors.js";
import { errorCode, fileError, readText } from "./file.js";
import { nodeModule } from "./node.js";

/** Who holds a lock. The start time tells a process from a later one that was given the same number. */
interface Holder {
  pid: number;
  host: string;
  started: string | undefined;
}

/**
 * Takes the lock file of `file` for this process, and answers how to release it. One that a dead process of this host left
 * behind is taken over; a living one is refused with `CONFLICT`.
 */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  const lock = `${file}.lock`;
  if (!(await create(lock))) {
    await removeStale(lock, file);
    if (!(await create(lock))) throw held(file, lock);
  }
  return () => nodeModule("node:fs/promises").rm(lock, { force: true });
}

/** Makes the lock with its content in one step, since a link to a written file appears whole; false if there is one. */
async function create(lock: string): Promise<boolean> {
  const fs = nodeModule("node:fs/promises");
  const temporary = `${lock}.${crypto.randomUUID()}.tmp`;
  try {
    await fs.writeFile(temporary, JSON.stringify(await thisProcess()), { flag: "wx" });
    await fs.link(temporary, lock);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw fileError("write", lock, error);
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

/** Only whoever holds the lock's own lock may remove it, or two that found it stale could remove a fresh one. */
async function removeStale(lock: string, file: string): Promise<void> {
  const fs = nodeModule("node:fs/promises");
  const guard = `${lock}.takeover`;
  if ((await stateOf(lock)) === "held") throw held(file, lock);
  if (!(await create(guard))) throw held(file, guard);
  try {
    // When it is gone by now there is nothing to remove: a fresh one may appear at any moment.
    if ((await stateOf(lock)) === "stale") await fs.rm(lock, { force: true });
  } finally {
    await fs.rm(guard, { force: true });
  }
}

async function stateOf(lock: string): Promise<"gone" | "held" | "stale"> {
  const text = await readText(lock);
  if (text === undefined) return "gone";
  let holder: Partial<Holder> | null;
  try {
    holder = JSON.parse(text) as Partial<Holder> | null;
  } catch {
    return "held";
  }
  if (holder?.pid === undefined || holder.host !== nodeModule("node:os").hostname()) return "held";
  if (!isRunning(holder.pid)) return "stale";
  const started = await startOf(holder.pid);
  return started !== undefined && holder.started !== undefined && started !== holder.started ? "stale" : "held";
}

async function thisProcess(): Promise<Holder> {
  const { pid } = nodeModule("node:process");
  return { pid, host: nodeModule("node:os").hostname(), started: await startOf(pid) };
}

function isRunning(pid: number): boolean {
  try {
    return nodeModule("node:process").kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

/** When a process was started, in the system's own units; undefined where the system does not tell in /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await nodeModule("node:fs/promises")
    .readFile(`/proc/${pid}/stat`, "utf8")
    .catch(() => undefined);
  // The second field, the name, may itself hold spaces and parentheses. The start is the twenty-second.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

function held(file: string, lock: string) {
  const problem = `${file} is open in another process, or elsewhere in this one. If that is surely not so, delete ${lock}.`;
  return chatStoreError("CONFLICT", problem);
}
