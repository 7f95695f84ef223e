import { readFileSync } from "node:fs";

const folder = new URL("../golden/", import.meta.url);

/** What the real LlamaIndex Python wrote: see tooling/interop. Throws when it is missing. */
export function goldenText(name: string): string {
  return readFileSync(new URL(name, folder), "utf8");
}

export function golden<T>(name: string): T {
  return JSON.parse(goldenText(name)) as T;
}
