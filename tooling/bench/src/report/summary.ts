import { type Measurement, OURS, type Report, rounded } from "../results.js";

/** What README.md shows of a run: the two cases in which histories differ most, with their plots. */
const shown = [
  {
    what: "page",
    variant: "5,000",
    file: "page-redis.svg",
    words: "The newest 20 of 5,000 messages on Redis",
  },
  {
    what: "turn",
    variant: "10,000",
    file: "turn-redis.svg",
    words: "A turn of the memory (two messages put, a window of 3,000 tokens) over 10,000 messages on Redis",
  },
] as const;

export function summaryText({ date, measurements }: Pick<Report, "date" | "measurements">): string {
  const parts = shown.map(({ what, variant, file, words }) => {
    const own = measurements.filter(
      (each) => each.what === what && each.store === "redis" && each.variant === variant && each.unit === "ms",
    );
    const ours = own.find(({ contender }) => contender === OURS);
    if (ours === undefined) throw new Error(`${what} was not measured`);
    const others = own.filter((each) => each !== ours).map((each) => timesOurs(each, ours));
    const sentence = `${words}: ${rounded(ours.value)} ms. ${others.join(", ")}.`;
    return `${sentence}\n\n![${words}, by the length of the history](bench/plots/${file})`;
  });
  return `Measured on ${date}, by the median:\n\n${parts.join("\n\n")}`;
}

function timesOurs({ contender, value, stopped }: Measurement, ours: Measurement): string {
  return `${contender}: ${stopped === true ? "more than " : ""}${rounded(value / ours.value)} times that`;
}
