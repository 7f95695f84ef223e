import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Report } from "./report.js";
import { type Runtime, type RuntimeName, runtimes } from "./runtimes.js";
import { type StoreName, stores } from "./stores.js";

/** What the last run of each store in each runtime gave; how many failed, not how. */
type Results = Partial<Record<RuntimeName, Partial<Record<StoreName, Result>>>>;

interface Result {
  readonly version: string;
  readonly passed: number;
  readonly failed: number;
}

const file = fileURLToPath(new URL("../results.json", import.meta.url));
const readme = fileURLToPath(new URL("../../../README.md", import.meta.url));
const block = /(?<=<!-- runtimes -->\n)[\s\S]*(?=<!-- \/runtimes -->)/;

export function readResults(): Results {
  return JSON.parse(readFileSync(file, "utf8")) as Results;
}

/** Adds a result to those that are checked in, and to the table in the README. */
export function keepResult(runtime: RuntimeName, store: StoreName, { version, passed, failed }: Report): void {
  const results = readResults();
  results[runtime] = { ...results[runtime], [store]: { version, passed, failed: failed.length } };
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(
    readme,
    readFileSync(readme, "utf8").replace(block, () => tableOf(results)),
  );
}

/** What the README has for a table. */
export function tableInReadme(): string | undefined {
  return block.exec(readFileSync(readme, "utf8"))?.[0];
}

/** A row for each version of each runtime, with the number of cases that passed, and of those that did not. */
export function tableOf(results: Results): string {
  const names = Object.keys(stores) as StoreName[];
  const rows = (Object.entries(runtimes) as [RuntimeName, Runtime][]).flatMap(([runtime, { title }]) => {
    const cells = results[runtime] ?? {};
    const versions = [...new Set(Object.values(cells).map(({ version }) => version))];
    return versions.map((version) => {
      const shown = names.map((store) => (cells[store]?.version === version ? textOf(cells[store]) : ""));
      return [`${title} ${version}`, ...shown];
    });
  });
  const lines = [["", ...Object.values(stores)], ["---", ...names.map(() => "---:")], ...rows];
  return `\n${lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("")}\n`;
}

const textOf = ({ passed, failed }: Result) => (failed === 0 ? `${passed}` : `${passed}, ${failed} failed`);
