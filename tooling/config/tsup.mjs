import { defineConfig } from "tsup";

/** ESM, CommonJS and types for both, from the given entry points. Nothing of Node is assumed to exist at run time. */
export function library(entry) {
  return defineConfig({
    entry,
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
