import type { Level, Subject } from "./subject.js";
import { type Case, conformanceSuite } from "./suite.js";

/** The part of a test runner that the kit uses. Vitest, Jest, Bun and Deno have it under these names, others under similar ones. */
export interface TestRunner {
  describe(name: string, define: () => void): void;
  /** Defines a test. */
  it: ((name: string, run: () => Promise<void>, timeoutMs?: number) => void) & {
    /** Lists a declared gap, as what the runner calls skipped: never as passed. */
    skip(name: string, run: () => Promise<void>): void;
  };
  afterAll(run: () => Promise<void>, timeoutMs?: number): void;
}

/** Which cases of the kit run. */
export interface ConformanceOptions {
  level?: Level | undefined;
  /** Only these groups of cases. */
  groups?: readonly string[] | undefined;
}

const timeoutMs = 120_000;

/** Defines the whole kit for a store with a test runner. */
export function defineConformance(runner: TestRunner, subject: Subject, options: ConformanceOptions = {}): void {
  const suite = conformanceSuite(subject, options.level);
  runner.describe(`conformance of ${subject.name}`, () => {
    for (const [group, cases] of byGroup(suite.cases, options)) {
      runner.describe(group, () => {
        for (const { title, gap, run } of cases) {
          if (gap === undefined) runner.it(title, run, timeoutMs);
          // Shown with the reason that the subject declares: what a layout cannot do is no failure, and nothing to hide.
          else runner.it.skip(`${title} [GAP: ${gap}]`, run);
        }
      });
    }
    runner.afterAll(() => suite.dispose(), timeoutMs);
  });
}

/** How the cases ended, when no test runner is there to say it. */
export interface ConformanceReport {
  passed: number;
  failures: { group: string; title: string; error: unknown }[];
  /** What the store declares to lack, and so was not run. */
  gaps: { group: string; title: string; gap: string }[];
}

/** Runs the whole kit without a test runner, in a worker or a browser, say. */
export async function runConformance(subject: Subject, options: ConformanceOptions = {}): Promise<ConformanceReport> {
  const suite = conformanceSuite(subject, options.level);
  const report: ConformanceReport = { passed: 0, failures: [], gaps: [] };
  try {
    for (const [, cases] of byGroup(suite.cases, options)) {
      for (const { group, title, gap, run } of cases) {
        if (gap !== undefined) {
          report.gaps.push({ group, title, gap });
          continue;
        }
        try {
          await run();
          report.passed++;
        } catch (error) {
          report.failures.push({ group, title, error });
        }
      }
    }
  } finally {
    await suite.dispose();
  }
  return report;
}

function byGroup(cases: readonly Case[], { groups }: ConformanceOptions): Map<string, Case[]> {
  const grouped = new Map<string, Case[]>();
  for (const each of cases) {
    if (groups !== undefined && !groups.includes(each.group)) continue;
    const list = grouped.get(each.group) ?? [];
    list.push(each);
    grouped.set(each.group, list);
  }
  return grouped;
}
