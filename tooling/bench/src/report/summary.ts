import { type Measurement, OURS, type Report, rounded } from "../results.js";
import { plots } from "./plots.js";

/** What README.md shows of a run: the two cases in which histories differ most, with their plots. */
const shown = [
  { file: "page-redis.svg", variant: "5,000", words: "The newest 20 of 5,000 messages on Redis took" },
  {
    file: "turn-redis.svg",
    variant: "10,000",
    words: "Two messages put, and a window of 3,000 tokens got, of 10,000 messages on Redis took",
  },
] as const;

export function summaryText({ date, measurements }: Pick<Report, "date" | "measurements">): string {
  const parts = shown.map(({ file, variant, words }) => {
    const plot = plots.find((each) => each.file === file);
    const own = measurements.filter(
      (each) => each.what === plot?.what && each.store === plot.store && each.variant === variant && each.unit === "ms",
    );
    const ours = own.find(({ contender }) => contender === OURS);
    if (ours === undefined || plot === undefined) throw new Error(`${plot?.what ?? file} was not measured`);
    const others = own.filter((each) => each !== ours).map((each) => timesOurs(each, ours));
    const sentence = `${words} ${rounded(ours.value)} ms. Others, in multiples of that: ${others.join(", ")}.`;
    return `${sentence}\n\n![${plot.title}](bench/plots/${file})`;
  });
  return `Measured on ${date}, by the median:\n\n${parts.join("\n\n")}`;
}

function timesOurs({ contender, value, stopped }: Measurement, ours: Measurement): string {
  return `${contender} ${stopped === true ? "more than " : ""}${rounded(value / ours.value)}`;
}
