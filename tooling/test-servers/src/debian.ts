import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "./fetch-once.js";
import { findProgram, run } from "./run.js";

/** Whether this machine has the tools with which `unpackDebian` works. */
export async function hasApt(): Promise<boolean> {
  return (await findProgram("apt-get")) !== undefined && (await findProgram("dpkg")) !== undefined;
}

/** `packages` and what they need and this machine lacks. Upgrades are left out: a second libc beside the first is fatal. */
async function missing(packages: readonly string[], options: readonly string[]): Promise<string[]> {
  const plan = await run("apt-get", [...options, "install", "--simulate", "--no-install-recommends", ...packages]);
  const names = [...plan.matchAll(/^Inst (\S+) \(/gm)].map((match) => match[1] ?? "");
  return [...new Set([...packages, ...names])];
}

/**
 * Downloads Debian packages, with what they need, and unpacks them into `directory`: nothing is installed, no root needed.
 * Package lists that are missing or stale are fetched into a folder of our own.
 */
export async function unpackDebian(packages: readonly string[], directory: string): Promise<void> {
  const work = join(directory, "apt");
  const debs = join(work, "debs");
  await mkdir(debs, { recursive: true });
  const download = async (options: readonly string[]) =>
    run("apt-get", [...options, "download", ...(await missing(packages, options))], { cwd: debs });
  try {
    await download([]);
  } catch {
    const lists = join(work, "lists");
    const cache = join(work, "cache");
    await mkdir(join(lists, "partial"), { recursive: true });
    await mkdir(join(cache, "archives", "partial"), { recursive: true });
    // As root apt would drop to a user who can't write here.
    const options = ["-o", `Dir::State::lists=${lists}`, "-o", `Dir::Cache=${cache}`, "-o", "APT::Sandbox::User=root"];
    await run("apt-get", [...options, "update"]);
    await download(options);
  }
  for (const deb of await readdir(debs)) await run("dpkg", ["-x", join(debs, deb), directory]);
  await rm(work, { recursive: true });
}

/** The folders with shared libraries in such a directory, for LD_LIBRARY_PATH. */
export async function libraryPath(directory: string): Promise<string> {
  const folders: string[] = [];
  for (const base of [join(directory, "usr/lib"), join(directory, "lib")]) {
    if (!(await exists(base))) continue;
    folders.push(base);
    for (const name of await readdir(base)) if (name.includes("-linux-")) folders.push(join(base, name));
  }
  return folders.join(":");
}
