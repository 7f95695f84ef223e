import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";

/** The first example of the README in a folder, as a JavaScript module: its types go, and nothing else changes. */
export async function readmeExample(folder: string): Promise<string> {
  const readme = await readFile(join(folder, "README.md"), "utf8");
  const [, block] = /^```ts\b.*\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  if (block === undefined) throw new Error(`The README in ${folder} has no example.`);
  return (await transform(block, { loader: "ts", format: "esm", target: "esnext" })).code;
}

/** What a server is called in the environment of an example and in its text. */
export interface Place {
  variables?: Readonly<Record<string, string>>;
  /** Text in quotation marks, and what is there instead. */
  literals?: Readonly<Record<string, string>>;
}

/** An example that finds its server at another place. Throws when it does not have what is to be replaced. */
export function moved(example: string, { literals = {} }: Place): string {
  return Object.entries(literals).reduce((text, [from, to]) => {
    if (!text.includes(JSON.stringify(from))) throw new Error(`The example has no ${from}.`);
    return text.replaceAll(JSON.stringify(from), () => JSON.stringify(to));
  }, example);
}
