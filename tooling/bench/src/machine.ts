import { readFileSync } from "node:fs";
import { availableParallelism, totalmem, type } from "node:os";

/** The kind of this machine, by nothing that would name it. */
export function machineKind(): string {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} cores (${process.arch}), ${gibibytes} GiB of memory, ${system()}`;
}

function system(): string {
  try {
    const name = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
    if (name !== undefined) return name;
  } catch {
    // Not a Linux.
  }
  return type();
}
