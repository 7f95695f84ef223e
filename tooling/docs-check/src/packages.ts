import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Manifest {
  name: string;
  exports?: Record<string, string | { import?: { default: string } }>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function manifests(): { folder: string; manifest: Manifest }[] {
  const inside = (parent: string) => readdirSync(join(root, parent)).map((name) => join(root, parent, name));
  return [...inside("packages"), ...inside("tooling"), join(root, "docs")]
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest,
    }));
}

/** The packages' entries by name, each to its source, so that nothing has to be built. */
export function sources(): Map<string, string> {
  const entries = new Map<string, string>();
  for (const { folder, manifest } of manifests()) {
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      // What is private is not built: its entries are sources.
      const built = typeof target === "string" ? target : target.import?.default;
      if (built === undefined || built.endsWith(".json")) continue;
      const source = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
      entries.set(join(manifest.name, subpath), join(folder, source));
    }
  }
  return entries;
}

/** Lets code in a folder import what the packages depend on, their SDKs, as code in a package can, with their types. */
export function linkDependencies(target: string): void {
  for (const { folder, manifest } of manifests()) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      const link = join(target, "node_modules", name);
      if (name.startsWith("@chatkeep/") || existsSync(link)) continue;
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(folder, "node_modules", name), link);
    }
  }
}
