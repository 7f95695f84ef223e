// Lets a client process run the workspace's TypeScript as vitest does in the tests: from the sources, never from a build.
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const packages = new URL("../../../packages/", import.meta.url);
const cache = new URL("../../../.cache/typescript/", import.meta.url);

/** Subpaths of workspace packages to their sources; none with `CHATKEEP_BUILT=1`, which takes what is built. */
function sources() {
  const found = new Map();
  if (process.env.CHATKEEP_BUILT === "1") return found;
  for (const folder of readdirSync(packages)) {
    const file = new URL(`${folder}/package.json`, packages);
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      const built = target?.import?.default;
      if (built === undefined) continue;
      const source = built.replace("./dist/", `${folder}/src/`).replace(/\.js$/, ".ts");
      found.set(`${manifest.name}${subpath.slice(1)}`, new URL(source, packages).href);
    }
  }
  return found;
}

let known;
let typescript;

export async function resolve(specifier, context, next) {
  known ??= sources();
  const source = known.get(specifier);
  if (source !== undefined) return { url: source, shortCircuit: true };
  if (/^\.{1,2}\/.*\.js$/.test(specifier) && context.parentURL?.endsWith(".ts")) {
    const url = new URL(specifier.replace(/\.js$/, ".ts"), context.parentURL);
    if (existsSync(url)) return { url: url.href, shortCircuit: true };
  }
  return next(specifier, context);
}

async function transpile(file, source) {
  // Loading TypeScript takes a second, and a test that kills its clients starts many.
  const cached = new URL(`${createHash("sha256").update(`${file}\0${source}`).digest("hex")}.mjs`, cache);
  if (existsSync(cached)) return readFileSync(cached, "utf8");
  typescript ??= (await import("typescript")).default;
  const { outputText } = typescript.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      module: typescript.ModuleKind.ESNext,
      target: typescript.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  try {
    mkdirSync(cache, { recursive: true });
    const draft = new URL(`${randomUUID()}.tmp`, cache);
    writeFileSync(draft, outputText);
    renameSync(draft, cached);
  } catch {
    // A checkout that can't be written to: the next client transpiles again.
  }
  return outputText;
}

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context);
  const file = fileURLToPath(url);
  return { format: "module", source: await transpile(file, readFileSync(file, "utf8")), shortCircuit: true };
}
