import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The manifest of a package, as far as it is looked at. */
export interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  license?: string;
  type?: string;
  sideEffects?: boolean;
  engines?: { node?: string };
  exports: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export interface PublicPackage {
  name: string;
  folder: string;
}

/** The packages that are published. */
export function publicPackages(): PublicPackage[] {
  return readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, manifest: readManifest(folder) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({ name: manifest.name, folder }));
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** Runs a program to its end; what it printed is in the error when it fails. */
export function run(folder: string, program: string, ...args: readonly string[]): Promise<string> {
  return runWith({}, folder, program, ...args);
}

/** The same with variables in its environment. */
export async function runWith(
  variables: Readonly<Record<string, string>>,
  folder: string,
  program: string,
  ...args: readonly string[]
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, {
      cwd: folder,
      maxBuffer: 2 ** 26,
      env: { ...plainEnvironment(), ...variables },
    });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed\n${stdout}${stderr}`);
  }
}

/** The environment without what the package manager that runs the tests put there for itself. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|NODE_ENV|VITEST)/i.test(name)),
  );
}

export function workspaceBin(name: string): string {
  return fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
}

/** A folder outside of the workspace. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "chatkeep-package-"));
}

/** Packs a package as it is published, and answers the tarball's path. */
export async function pack(folder: string, destination: string): Promise<string> {
  const pnpm = join(root, "node_modules/.bin/pnpm");
  const printed = await run(folder, pnpm, "pack", "--json", "--pack-destination", destination);
  return (JSON.parse(printed) as { filename: string }).filename;
}
