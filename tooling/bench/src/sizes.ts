import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run } from "@chatkeep/test-servers";
import { build } from "esbuild";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

function bytesOf(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path)
    .filter((name) => name !== "node_modules")
    .reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

/** What is published of a package: of one in this workspace, the files that its manifest names. */
function publishedBytes(folder: string, isWorkspace: boolean): number {
  if (!isWorkspace) return bytesOf(folder);
  const files = [...(manifestOf(folder).files ?? []), "package.json"].map((file) => join(folder, file));
  return files.filter(existsSync).reduce((sum, file) => sum + bytesOf(file), 0);
}

/** Where a package is, as seen from the folder of another. */
function findPackage(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return realpathSync(found);
    if (folder === dirname(folder)) return undefined;
  }
}

/** The bytes of a package and of all that it needs, each once; optional ones that nobody asked for are left out. */
export function installedBytes(from: string, name: string): number {
  const start = findPackage(from, name);
  if (start === undefined) throw new Error(`${name} is not installed`);
  const folders = new Set([start]);
  for (const folder of folders) {
    const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifestOf(folder);
    const peers = Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta[peer]?.optional !== true);
    for (const each of [...Object.keys(dependencies), ...peers]) {
      const found = findPackage(folder, each);
      if (found !== undefined) folders.add(found);
    }
  }
  return [...folders].reduce((sum, folder) => sum + publishedBytes(folder, !folder.includes("node_modules")), 0);
}

const ENTRY = "entry.js";

/** Minified and gzipped, with all that is loaded at once: what is imported only when it is needed does not count. */
export async function bundledBytes(from: string, code: string): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: from, sourcefile: ENTRY },
    absWorkingDir: from,
    outdir: "out",
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
    loader: { ".node": "empty", ".wasm": "empty" },
    external: ["pg-native"],
  });
  const entry = Object.keys(metafile.outputs).find((file) => metafile.outputs[file]?.entryPoint === ENTRY) ?? "";
  const loaded = new Set([entry]);
  for (const file of loaded) {
    for (const { path, kind } of metafile.outputs[file]?.imports ?? []) {
      if (kind === "import-statement" && metafile.outputs[path] !== undefined) loaded.add(path);
    }
  }
  let bytes = 0;
  for (const { path, contents } of outputFiles) {
    const isLoaded = [...loaded].some((file) => path === join(from, file));
    if (isLoaded) bytes += (await promisify(gzip)(contents)).length;
  }
  return bytes;
}

const TIMED = (specifier: string) =>
  `const began = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - began); process.exit(0);`;

/** Milliseconds from the import to its end, in a new process. */
export async function importMilliseconds(from: string, specifier: string): Promise<number> {
  const text = await run(process.execPath, ["--input-type=module", "--eval", TIMED(specifier)], { cwd: from });
  return Number(text.trim().split("\n").at(-1));
}
