import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../results.js";
import { rows } from "../rows.js";
import { writeBetween } from "./markers.js";
import { draw, plots } from "./plots.js";
import { summaryText } from "./summary.js";
import { reportText } from "./tables.js";

const RESULTS = "bench/results/latest.json";

const inRoot = (file: string) => fileURLToPath(new URL(`../../../../${file}`, import.meta.url));

/** What bench/README.md, README.md and the plots are to be, by path. */
export async function reportFiles(report: Report): Promise<Map<string, string>> {
  const drawn = new Map<string, string[]>();
  const files = new Map<string, string>();
  for (const plot of plots) {
    const svg = draw(plot, report.measurements);
    if (svg === undefined) continue;
    files.set(`bench/plots/${plot.file}`, svg);
    drawn.set(plot.what, [...(drawn.get(plot.what) ?? []), `![${plot.title}](plots/${plot.file})`]);
  }
  const images = new Map([...drawn].map(([what, lines]) => [what, lines.join("\n\n")]));
  const withText = async (file: string, name: string, text: string) =>
    files.set(file, writeBetween(await readFile(inRoot(file), "utf8"), name, text));
  await withText("bench/README.md", "results", reportText(report, rows, images));
  await withText("README.md", "measured", summaryText(report));
  return files;
}

/** The numbers themselves, and all that shows them. */
export async function writeReport(report: Report): Promise<void> {
  await mkdir(inRoot("bench/results"), { recursive: true });
  await mkdir(inRoot("bench/plots"), { recursive: true });
  await writeFile(inRoot(RESULTS), `${JSON.stringify(report, undefined, 2)}\n`);
  for (const [file, text] of await reportFiles(report)) await writeFile(inRoot(file), text);
  const missed = report.aims.filter(({ met }) => met === false).length;
  console.log(`bench/README.md is written; ${missed} of ${report.aims.length} aims are not met`);
}

/** Writes what shows the numbers of the last whole run anew. */
export async function writeReportAgain(): Promise<void> {
  await writeReport(JSON.parse(await readFile(inRoot(RESULTS), "utf8")) as Report);
}

export function printReport(report: Report): void {
  console.log(reportText(report, rows, new Map()));
}
