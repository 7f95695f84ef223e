import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * A code block of the documentation. The first word behind its fence is the language; those after it say what is done with
 * TypeScript and JavaScript beyond the check of its types:
 *
 * - `run`: it is run, and what `console.log` prints must be what the comments `// -> …` say, where it has any;
 * - `tests`: it defines tests, which are run;
 * - `more`: it goes on where the block before it ended;
 * - `file=name`: other blocks may import it by this name;
 * - `no-check`: it is not looked at.
 */
export interface Block {
  /** Path of the document from the root of the repository. */
  document: string;
  /** Line of its fence, from 1. */
  line: number;
  words: readonly string[];
  /** Name of the file that it is written to. */
  file: string;
  /** Its code, and that of the blocks it goes on from, each on the lines that it has in the document. */
  code: string;
}

const known = /^(run|tests|more|no-check|file=[\w./-]+)$/;

/** Beside TypeScript and JavaScript; any other language of a fence is a mistake, so that no code passes by unseen. */
const otherLanguages = new Set(["", "sh", "sql", "yaml", "json", "html", "text", "python"]);

const inFolder = (folder: string) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);

/** The documents that are checked. */
export function documents(): string[] {
  const readmes = ["packages", "tooling", "examples"].flatMap(inFolder).map((folder) => `${folder}/README.md`);
  return [...inFolder("."), ...inFolder("docs"), ...inFolder("bench"), ...readmes]
    .map((path) => path.replace(/^\.\//, ""))
    .filter((path) => path.endsWith(".md") && existsSync(join(root, path)));
}

export const textOf = (document: string): string => readFileSync(join(root, document), "utf8");

/** The blocks of TypeScript and JavaScript in a document. Throws when a fence has a word that means nothing here. */
export function blocksOf(document: string): Block[] {
  const blocks: Block[] = [];
  const lines = textOf(document).split("\n");
  for (let i = 0; i < lines.length; i++) {
    const fence = /^( *)```(\S*)(.*)$/.exec(lines[i] ?? "");
    if (fence === null) continue;
    const [, indent = "", language = "", rest = ""] = fence;
    const start = i++;
    while (i < lines.length && lines[i] !== `${indent}\`\`\``) i++;
    const words = rest.split(" ").filter(Boolean);
    const at = `${document}:${start + 1}`;
    const unknown = words.find((word) => !known.test(word));
    if (unknown !== undefined) throw new Error(`${at}: "${unknown}" behind a fence means nothing.`);
    if (otherLanguages.has(language)) continue;
    if (language !== "ts" && language !== "js") throw new Error(`${at}: nobody checks code in "${language}".`);

    const before = words.includes("more") ? blocks.at(-1)?.code : "";
    if (before === undefined) throw new Error(`${at}: there is no block that it could go on from.`);
    const code = lines.slice(start + 1, i).map((line) => line.slice(indent.length));
    const gap = "\n".repeat(start + 1 - (before.split("\n").length - 1));
    const named = words.find((word) => word.startsWith("file="))?.slice("file=".length);
    blocks.push({
      document,
      line: start + 1,
      words,
      file: named ?? `${document.replaceAll("/", "-")}-${start + 1}.${language}`,
      code: `${before}${gap}${code.join("\n")}\n`,
    });
  }
  return blocks;
}
