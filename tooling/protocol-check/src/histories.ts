import { describeResult } from "@chatkeep/chat-store-conformance";
import { RandomChooser } from "./choices.js";
import { type Outcome, type Program, runProgram } from "./program.js";
import type { AnyProtocol } from "./protocol.js";

export interface Totals {
  histories: number;
  operations: number;
  steps: number;
  unknown: number;
}

export interface Finding {
  seed: number;
  /** What it is called, in a word or two: an anomaly, or the rule that was broken. */
  names: string[];
  report: string;
  program: Program;
}

/** Everything that is wrong with a run; undefined when nothing is. */
export async function judge(run: () => Promise<Outcome>): Promise<{
  outcome?: Outcome;
  names: string[];
  report: string;
}> {
  try {
    const outcome = await run();
    const { result, wrong } = outcome;
    if (result.verdict === "linearizable" && wrong.length === 0) return { outcome, names: [], report: "" };
    const names = [
      ...result.violations.map(({ anomaly }) => anomaly),
      ...wrong.map((text) => (text.includes("left behind") ? "left behind" : text.split(":", 1).join())),
      ...(result.verdict === "undecided" ? ["undecided"] : []),
    ];
    return { outcome, names, report: [...wrong, describeResult(result)].join("\n\n") };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      names: [error instanceof Error ? error.message.replace(/^Head .*?: (?=[a-z ]+$)/s, "") : text],
      report: text,
    };
  }
}

/** Runs random histories, the same ones for the same seeds, and reports each that is wrong. */
export async function runHistories(
  protocol: AnyProtocol,
  options: { first: number; count: number; most?: number },
  found: (finding: Finding) => void,
): Promise<Totals> {
  const totals: Totals = { histories: 0, operations: 0, steps: 0, unknown: 0 };
  let left = options.most ?? 1;
  for (let seed = options.first; seed < options.first + options.count && left > 0; seed++) {
    const chooser = new RandomChooser(seed);
    const program = protocol.random(chooser);
    const { outcome, names, report } = await judge(() => runProgram(program, chooser, protocol));
    totals.histories++;
    totals.operations += outcome?.calls.length ?? 0;
    totals.steps += outcome?.steps ?? 0;
    totals.unknown += outcome?.unknown ?? 0;
    if (names.length === 0) continue;
    left--;
    found({ seed, names, report, program });
  }
  return totals;
}
