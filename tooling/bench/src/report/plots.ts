import { type Measurement, OURS, RAW } from "../results.js";
import { logLogPlot, type Series } from "./plot.js";

interface Plot {
  readonly what: string;
  readonly store: string;
  readonly unit: string;
  readonly file: string;
  readonly title: string;
  readonly y: string;
}

/** What is drawn: how cost grows with the history. */
export const plots: readonly Plot[] = [
  {
    what: "page",
    store: "redis",
    unit: "ms",
    file: "page-redis.svg",
    title: "The newest 20 messages, on Redis",
    y: "milliseconds (median)",
  },
  {
    what: "page",
    store: "postgres",
    unit: "ms",
    file: "page-postgres.svg",
    title: "The newest 20 messages, on Postgres",
    y: "milliseconds (median)",
  },
  {
    what: "turn",
    store: "redis",
    unit: "ms",
    file: "turn-redis.svg",
    title: "A turn: two messages put, a window of 3,000 tokens, on Redis",
    y: "milliseconds (median)",
  },
];

/** Nothing where fewer than two lengths were measured. */
export function draw(plot: Plot, measurements: readonly Measurement[]): string | undefined {
  const own = measurements.filter(
    ({ what, store, unit, stopped }) =>
      what === plot.what && store === plot.store && unit === plot.unit && stopped !== true,
  );
  const names = [...new Set(own.map(({ contender }) => contender))];
  const first = [OURS, RAW].filter((name) => names.includes(name));
  const series = [...first, ...names.filter((name) => !first.includes(name))].map((name): Series => {
    const points = own
      .filter(({ contender }) => contender === name)
      .map(({ variant, value }) => [Number(variant.replaceAll(",", "")), value] as const);
    return { name, points, ours: name === OURS };
  });
  if (!series.some(({ points }) => points.length > 1)) return undefined;
  return logLogPlot(series, { title: plot.title, x: "messages in the history", y: plot.y });
}
