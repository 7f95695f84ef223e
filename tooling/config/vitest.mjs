import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

const packages = new URL("../../packages/", import.meta.url);

/** Workspace packages by name to their sources, so that a test never runs against a stale build. */
function sources() {
  const alias = [];
  for (const folder of readdirSync(packages)) {
    const manifest = JSON.parse(readFileSync(new URL(`${folder}/package.json`, packages), "utf8"));
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      const built = target?.import?.default;
      if (built === undefined) continue;
      const source = built.replace("./dist/", `${folder}/src/`).replace(/\.js$/, ".ts");
      const name = subpath === "." ? manifest.name : `${manifest.name}/${subpath.slice(2)}`;
      alias.push({ find: new RegExp(`^${name}$`), replacement: new URL(source, packages).pathname });
    }
  }
  return alias;
}

/** A package's vitest project. */
export function project(name, test = {}) {
  return defineConfig({
    resolve: { alias: sources() },
    test: { name, include: ["test/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000, ...test },
  });
}
