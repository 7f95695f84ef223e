import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../results.js";
import { rows } from "../rows.js";
import { writeBetween } from "./markers.js";
import { draw, plots } from "./plots.js";
import { summaryText } from "./summary.js";
import { reportText } from "./tables.js";

const root = (file: string) => fileURLToPath(new URL(`../../../../${file}`, import.meta.url));
const bench = (file: string) => root(`bench/${file}`);

async function replaceIn(file: string, name: string, text: string): Promise<void> {
  await writeFile(file, writeBetween(await readFile(file, "utf8"), name, text));
}

/** Into bench/README.md and README.md, with plots and the numbers themselves; or it is printed. */
export async function writeReport(report: Report, isWritten: boolean): Promise<void> {
  const drawn = new Map<string, string[]>();
  const files = new Map<string, string>();
  for (const plot of plots) {
    const svg = draw(plot, report.measurements);
    if (svg === undefined) continue;
    files.set(plot.file, svg);
    drawn.set(plot.what, [...(drawn.get(plot.what) ?? []), `![${plot.title}](plots/${plot.file})`]);
  }
  const images = new Map([...drawn].map(([what, lines]) => [what, lines.join("\n\n")]));
  if (!isWritten) {
    console.log(reportText(report, rows, new Map()));
    return;
  }
  await mkdir(bench("results"), { recursive: true });
  await mkdir(bench("plots"), { recursive: true });
  for (const [file, svg] of files) await writeFile(bench(`plots/${file}`), svg);
  await writeFile(bench("results/latest.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  await replaceIn(bench("README.md"), "results", reportText(report, rows, images));
  await replaceIn(root("README.md"), "measured", summaryText(report));
  const missed = report.aims.filter(({ met }) => met === false).length;
  console.log(`bench/README.md is written; ${missed} of ${report.aims.length} aims are not met`);
}
