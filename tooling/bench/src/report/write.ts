import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../results.js";
import { rows } from "../rows.js";
import { writeBetween } from "./markers.js";
import { draw, plots } from "./plots.js";
import { reportText } from "./tables.js";

const bench = (file: string) => fileURLToPath(new URL(`../../../../bench/${file}`, import.meta.url));

/** Into bench/README.md, with its plots and the numbers themselves; or, what is not a whole run, only into bench/results. */
export async function writeReport(report: Report, isWhole: boolean): Promise<void> {
  const drawn = new Map<string, string[]>();
  const files = new Map<string, string>();
  for (const plot of plots) {
    const svg = draw(plot, report.measurements);
    if (svg === undefined) continue;
    files.set(plot.file, svg);
    drawn.set(plot.what, [...(drawn.get(plot.what) ?? []), `![${plot.title}](plots/${plot.file})`]);
  }
  const images = new Map([...drawn].map(([what, lines]) => [what, lines.join("\n\n")]));
  if (!isWhole) {
    console.log(reportText(report, rows, new Map()));
    return;
  }
  await mkdir(bench("results"), { recursive: true });
  await mkdir(bench("plots"), { recursive: true });
  for (const [file, svg] of files) await writeFile(bench(`plots/${file}`), svg);
  await writeFile(bench("results/latest.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  const readme = await readFile(bench("README.md"), "utf8");
  await writeFile(bench("README.md"), writeBetween(readme, "results", reportText(report, rows, images)));
  const missed = report.aims.filter(({ met }) => met === false).length;
  console.log(`bench/README.md is written; ${missed} of ${report.aims.length} aims are not met`);
}
