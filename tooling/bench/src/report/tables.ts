import { type Aim, type Measurement, OURS, RAW, type Report, rounded } from "../results.js";
import type { Row } from "../row.js";

const table = (header: readonly string[], lines: readonly (readonly string[])[]) =>
  [header, header.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** What was hoped for, and whether it was seen. */
function aimsTable(aims: readonly Aim[], titles: ReadonlyMap<string, string>): string {
  const words = (met: boolean | undefined) => (met === undefined ? "not measured" : met ? "met" : "**not met**");
  return table(
    ["what", "aim", "seen", ""],
    aims.map(({ what, text, seen, met }) => [titles.get(what) ?? what, text, seen, words(met)]),
  );
}

/** A table for each store and unit: a line for each contender, a column for each variant. */
function rowTables(measurements: readonly Measurement[]): string {
  const groups = new Map<string, Measurement[]>();
  for (const each of measurements) {
    const name = JSON.stringify([each.store, each.unit]);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  return [...groups.values()].map(groupTable).join("\n\n");
}

function groupTable(group: readonly Measurement[]): string {
  const [first] = group;
  const variants = [...new Set(group.map(({ variant }) => variant))];
  const contenders = [...new Set(group.map(({ contender }) => contender))].sort((a, b) => rank(a) - rank(b));
  const find = (contender: string, variant: string) =>
    group.find((each) => each.contender === contender && each.variant === variant);
  const lines = contenders.map((contender) => [
    contender === OURS ? `**${contender}**` : contender,
    ...variants.map((variant) => cell(find(contender, variant), find(OURS, variant))),
  ]);
  const name = [first?.store, first?.unit].filter((each) => each !== "").join(", ");
  return table([name, ...variants], lines);
}

const rank = (name: string) => (name === OURS ? 0 : name === RAW ? 1 : 2);

/** The median with the 95th percentile, and how many times ours it is. */
function cell(measured: Measurement | undefined, ours: Measurement | undefined): string {
  if (measured === undefined) return "–";
  const { value, p95, stopped } = measured;
  const text = `${stopped === true ? "> " : ""}${rounded(value)}${p95 === undefined ? "" : ` (${rounded(p95)})`}`;
  if (ours === undefined || measured === ours || ours.value === 0) return text;
  return `${text}, ${stopped === true ? "> " : ""}${rounded(value / ours.value)}×`;
}

export function reportText(report: Report, rows: readonly Row[], plots: ReadonlyMap<string, string>): string {
  const titles = new Map(rows.map(({ name, title }) => [name, title]));
  const measured = rows.filter(({ name }) => report.measurements.some(({ what }) => what === name));
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const sections = measured.map(({ name, title, text }) => {
    const tables = rowTables(report.measurements.filter(({ what }) => what === name));
    const plot = plots.get(name);
    return [`## ${title}`, text, tables, ...(plot === undefined ? [] : [plot])].join("\n\n");
  });
  return `
\`${report.command}\` on ${report.date}, in ${report.seconds} s, on ${report.machine}; the libraries and servers were on the same
machine, one process each. ${versions.join(", ")}.

In a table: the median, in brackets the 95th percentile, and how many times Chatkeep's median that is. The numbers themselves:
[results/latest.json](results/latest.json).

## Aims

${aimsTable(report.aims, titles)}

${sections.join("\n\n")}`;
}
