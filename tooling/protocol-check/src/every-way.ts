import { EveryChooser } from "./choices.js";
import { judge } from "./histories.js";
import { type Program, runProgram } from "./program.js";
import type { AnyProtocol } from "./protocol.js";

export interface Ways {
  ways: number;
  /** Whether there are no others. */
  complete: boolean;
  /** What the first wrong one showed, and nothing when none was. */
  report: string;
  names: string[];
}

/** Runs a program in every way in which it can go, `most` ways at most, until one is wrong. */
export async function everyWay(protocol: AnyProtocol, program: Program, options: { most: number }): Promise<Ways> {
  const chooser = new EveryChooser();
  for (let ways = 1; ; ways++) {
    const { names, report } = await judge(() => runProgram(program, chooser, protocol));
    if (names.length > 0) return { ways, complete: false, report, names };
    if (!chooser.next()) return { ways, complete: true, report: "", names };
    if (ways >= options.most) return { ways, complete: false, report: "", names };
  }
}
