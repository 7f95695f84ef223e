import { rm } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { pack, publicPackages, temporaryFolder } from "./packages.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The packages as they are published, by name. */
    tarballs: Record<string, string>;
  }
}

/** vitest's global set-up: packs all packages, once per run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await temporaryFolder();
  const packed = publicPackages().map(async ({ name, folder: from }) => [name, await pack(from, folder)] as const);
  project.provide("tarballs", Object.fromEntries(await Promise.all(packed)));
  return () => rm(folder, { recursive: true });
}
