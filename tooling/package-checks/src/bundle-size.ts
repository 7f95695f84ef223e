import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * How many bytes of a module of a package's, minified and compressed, are loaded at once, without other packages and
 * without what it loads later.
 */
export async function bytesAtOnce(folder: string, module: string): Promise<number> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: folder,
    entryPoints: [module],
    bundle: true,
    minify: true,
    splitting: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    packages: "external",
    outdir: "out",
    logLevel: "error",
  });
  const outputs = Object.entries(metafile.outputs);
  const entry = outputs.filter(([, { entryPoint }]) => join(entryPoint ?? "") === join(module)).map(([path]) => path);
  const atOnce = new Set(entry);
  for (const path of atOnce) {
    for (const used of metafile.outputs[path]?.imports ?? []) {
      if (used.kind === "import-statement" && used.external !== true) atOnce.add(used.path);
    }
  }
  const texts = [...atOnce].map((path) => outputFiles.find((file) => file.path.endsWith(path))?.text);
  return gzipSync(texts.join(""), { level: 9 }).length;
}
