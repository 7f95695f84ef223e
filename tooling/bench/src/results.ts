import type { Summary } from "./statistics.js";

/** One number, or a summary of many, of one contender in one case. */
export interface Measurement {
  /** The row of the report, e.g. "append". */
  readonly what: string;
  /** The server, or "" where there is none. */
  readonly store: string;
  /** E.g. a length of the history. */
  readonly variant: string;
  readonly contender: string;
  readonly unit: string;
  readonly value: number;
  readonly p95?: number;
  readonly samples?: number;
  /** The value is only a lower bound: it was stopped then. */
  readonly stopped?: boolean;
}

/** What is hoped for, and what was seen. */
export interface Aim {
  readonly what: string;
  readonly text: string;
  readonly seen: string;
  /** Undefined when it was not measured in this run. */
  readonly met: boolean | undefined;
}

interface Versions {
  readonly [name: string]: string;
}

/** All that one run gave. */
export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly seconds: number;
  readonly versions: Versions;
  readonly measurements: readonly Measurement[];
  readonly aims: readonly Aim[];
}

/** Our own, in every comparison. */
export const OURS = "Chatkeep";
/** The driver alone, in the fewest round trips. */
export const RAW = "raw driver";

export class Results {
  readonly measurements: Measurement[] = [];
  readonly aims: Aim[] = [];

  add(measurement: Measurement): void {
    this.measurements.push(measurement);
  }

  addTimes(
    place: Pick<Measurement, "what" | "store" | "variant">,
    times: ReadonlyMap<string, Summary>,
    unit = "ms",
  ): void {
    for (const [contender, { median, p95, samples }] of times) {
      this.add({ ...place, contender, unit, value: median, p95, samples });
    }
  }

  value(what: string, store: string, variant: string, contender: string): number | undefined {
    return this.measurements.find(
      (each) => each.what === what && each.store === store && each.variant === variant && each.contender === contender,
    )?.value;
  }

  /** Notes whether the quotient of two values is as hoped: at most `limit`, or at least. */
  aimRatio(
    what: string,
    text: string,
    numerator: number | undefined,
    denominator: number | undefined,
    limit: { readonly atMost: number } | { readonly atLeast: number },
  ): void {
    const ratio = numerator === undefined || denominator === undefined ? Number.NaN : numerator / denominator;
    this.aim(what, text, ratio, limit, "×");
  }

  aim(
    what: string,
    text: string,
    seen: number,
    limit: { readonly atMost: number } | { readonly atLeast: number },
    unit: string,
  ): void {
    const known = !Number.isNaN(seen);
    const met = "atMost" in limit ? seen <= limit.atMost : seen >= limit.atLeast;
    this.aims.push({ what, text, seen: known ? `${rounded(seen)} ${unit}`.trim() : "–", met: known ? met : undefined });
  }
}

/** Three digits, as one reads them. */
export function rounded(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return Number(value.toFixed(Math.min(digits, 6))).toLocaleString("en-US", { maximumFractionDigits: 6 });
}
