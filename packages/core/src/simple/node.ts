import { chatStoreError } from "../errors.js";

interface NodeModules {
  "node:fs/promises": typeof import("node:fs/promises");
  "node:path": typeof import("node:path");
  "node:os": typeof import("node:os");
  "node:process": typeof import("node:process");
}

/** A module of Node, Bun or Deno, fetched when it is needed: an import would keep the package out of browsers. */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const module = process?.getBuiltinModule?.(name);
  if (module === undefined) {
    throw chatStoreError(
      "UNSUPPORTED",
      "Files need Node.js 20.16 or newer, Bun or Deno. Keep the store in memory, or use another.",
    );
  }
  return module as NodeModules[Name];
}
