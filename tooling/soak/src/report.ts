import type { Call, CheckResult } from "@chatkeep/chat-store-conformance";

/** What a run did and what was wrong. */
export interface SoakReport {
  readonly store: string;
  readonly seed: number;
  readonly seconds: number;
  /** Rounds, or lives of the process that owns a file; `big`: rounds for the append-only check. */
  readonly rounds: number;
  readonly big: number;
  /** Recorded calls. */
  readonly operations: number;
  /** Writes of which nobody knows whether they happened, and those that are known not to have. */
  readonly ambiguous: number;
  readonly refused: number;
  /** By kind, kills of clients and servers included. */
  readonly faults: Readonly<Record<string, number>>;
  /** By name. */
  readonly anomalies: Readonly<Record<string, number>>;
  /** The checkers' reports, the first few of each name. */
  readonly reports: readonly string[];
  readonly undecided: readonly string[];
  /** What this run could not try and why, and where histories that failed are. */
  readonly notes: readonly string[];
}

const REPORTS_PER_NAME = 2;

/** Counts while a run goes on. */
export class Tally {
  rounds = 0;
  big = 0;
  readonly #started = Date.now();
  readonly #faults: Record<string, number> = {};
  readonly #anomalies: Record<string, number> = {};
  readonly #reports: string[] = [];
  readonly #undecided: string[] = [];
  readonly #notes = new Set<string>();
  #operations = 0;
  #ambiguous = 0;
  #refused = 0;

  fault(kind: string, times = 1): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + times;
  }

  faults(counts: Readonly<Partial<Record<string, number>>>): void {
    for (const [kind, times] of Object.entries(counts)) this.fault(kind, times);
  }

  calls(calls: readonly Call[]): void {
    this.#operations += calls.length;
    for (const { action, outcome } of calls) {
      if (action.kind === "read" || action.kind === "page" || action.kind === "count") continue;
      if (outcome === "unknown") this.#ambiguous++;
      if (outcome === "refused") this.#refused++;
    }
  }

  anomaly(name: string, report: string): void {
    const times = (this.#anomalies[name] ?? 0) + 1;
    this.#anomalies[name] = times;
    if (times <= REPORTS_PER_NAME) this.#reports.push(report);
  }

  checked(result: CheckResult): void {
    for (const { anomaly, report } of result.violations) this.anomaly(anomaly, report);
    this.#undecided.push(...result.undecided);
  }

  note(text: string): void {
    this.#notes.add(text);
  }

  report(store: string, seed: number): SoakReport {
    return {
      store,
      seed,
      seconds: Math.round((Date.now() - this.#started) / 1_000),
      rounds: this.rounds,
      big: this.big,
      operations: this.#operations,
      ambiguous: this.#ambiguous,
      refused: this.#refused,
      faults: { ...this.#faults },
      anomalies: { ...this.#anomalies },
      reports: [...this.#reports],
      undecided: [...this.#undecided],
      notes: [...this.#notes],
    };
  }
}

/** Everything was decided, and nothing was wrong. */
export function isClean(report: SoakReport): boolean {
  return Object.keys(report.anomalies).length === 0 && report.undecided.length === 0;
}

function byKind(counts: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return kinds.map(([kind, times]) => `${kind} ${times}`).join(", ") || "none";
}

/** One line, for while it goes on. */
export function progressOf(report: SoakReport): string {
  const { anomalies, faults, operations, rounds, seconds, undecided } = report;
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  const left = undecided.length > 0 ? `, ${undecided.length} undecided` : "";
  return `${seconds} s: ${rounds} rounds, ${operations} operations, ${sum(faults)} faults, ${sum(anomalies)} anomalies${left}`;
}

/** All of it, as text. */
export function describeReport(report: SoakReport): string {
  const { ambiguous, anomalies, big, faults, notes, operations, refused, reports, rounds, seconds, seed, store } =
    report;
  return [
    ...reports.map((one) => `${one}\n`),
    ...report.undecided.map((one) => `undecided: ${one}`),
    `store       ${store}, seed ${seed}`,
    `time        ${seconds} s, ${rounds} rounds${big > 0 ? `, ${big} of them big and append-only` : ""}`,
    `operations  ${operations}`,
    `faults      ${byKind(faults)}`,
    `ambiguous   ${ambiguous} writes of unknown outcome, ${refused} refused`,
    ...notes.map((note) => `note        ${note}`),
    `anomalies   ${byKind(anomalies)}${report.undecided.length > 0 ? `; undecided ${report.undecided.length}` : ""}`,
  ].join("\n");
}
