import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { readManifest, run } from "./packages.js";

const require = createRequire(import.meta.url);

interface Compiler {
  version: string;
  tsc: string;
}

/** A dependency of this package. */
function compiler(name: string): Compiler {
  const folder = dirname(require.resolve(`${name}/package.json`));
  return { version: readManifest(folder).version, tsc: join(folder, "bin/tsc") };
}

const node16 = { module: "node16", moduleResolution: "node16" } as const;
const nodenext = { module: "nodenext", moduleResolution: "nodenext" } as const;
const bundler = { module: "esnext", moduleResolution: "bundler" } as const;

/** The oldest and the newest TypeScript that the packages' types are for. In the oldest nodenext is no other than node16. */
export const compilersWithResolutions = [
  ...[node16, bundler].map((resolution) => ({ ...compiler("typescript-oldest"), ...resolution })),
  ...[node16, nodenext, bundler].map((resolution) => ({ ...compiler("typescript-newest"), ...resolution })),
];

/**
 * What a compiler says of a folder with a tsconfig.json, but for what is wrong in the declarations of other packages than
 * ours: that is not ours to mend.
 */
export async function typeErrors({ tsc }: Compiler, folder: string): Promise<string[]> {
  let printed: string;
  try {
    printed = await run(folder, process.execPath, tsc, "-p", ".");
  } catch (error) {
    printed = String(error);
    if (!/error TS/.test(printed)) throw error;
  }
  return printed.split("\n").filter((line) => /error TS/.test(line) && !isForeign(line));
}

const isForeign = (line: string) => /node_modules\/(?!@chatkeep\/)/.test(line);
