import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Where fetched servers are kept: `.cache` at the root of the repository, which git ignores, or `CHATKEEP_CACHE`. */
export const CACHE = process.env.CHATKEEP_CACHE || fileURLToPath(new URL("../../../.cache/", import.meta.url));

const remove = (path: string) => rm(path, { recursive: true, force: true });

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function isHeld(lock: string): Promise<boolean> {
  const holder = await readFile(join(lock, "pid"), "utf8").catch(() => "");
  if (holder === "") {
    // Just made, or its maker died right then.
    const made = await stat(lock).catch(() => undefined);
    return made !== undefined && Date.now() - made.mtimeMs < 10_000;
  }
  try {
    process.kill(Number(holder), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Makes the folder `directory` by `fill`, which gets a new folder beside it, unless it is there. Of several processes one
 * fetches and the others wait. The lock only saves work: the folder appears whole, by one rename, whoever was first.
 */
export async function fetchOnce(directory: string, fill: (directory: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(directory), { recursive: true });
  const lock = `${directory}.lock`;
  for (;;) {
    if (await exists(directory)) return;
    try {
      await mkdir(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (await isHeld(lock)) await sleep(100);
    else await remove(lock);
  }
  const draft = await mkdtemp(join(dirname(directory), `${basename(directory)}-`));
  try {
    await writeFile(join(lock, "pid"), String(process.pid));
    if (await exists(directory)) return;
    await fill(draft);
    await rename(draft, directory).catch(async (error: unknown) => {
      if (!(await exists(directory))) throw error;
    });
  } finally {
    await remove(draft);
    await remove(lock);
  }
}
