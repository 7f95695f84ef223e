import { defineConfig } from "tsup";

/**
 * ESM, CommonJS and types for both, from the given entry points. Nothing of Node is assumed to exist at run time. Private
 * packages of the workspace that are used go in by `noExternal`; no type of theirs may be in the public ones.
 */
export function library(entry, { noExternal = [] } = {}) {
  return defineConfig({
    entry,
    noExternal,
    format: ["esm", "cjs"],
    platform: "neutral",
    target: "es2022",
    // rollup-plugin-dts sets `baseUrl`, which TypeScript 6 reports as deprecated.
    dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
    sourcemap: true,
    splitting: true,
    clean: true,
    removeNodeProtocol: false,
    external: [/^node:/],
  });
}
