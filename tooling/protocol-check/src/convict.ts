import { sourcesWith } from "./bundle.js";
import { RandomChooser } from "./choices.js";
import { judge, runHistories } from "./histories.js";
import type { Mutant } from "./mutants.js";
import { runProgram } from "./program.js";
import { loadProtocol, type ProtocolName } from "./protocols.js";
import { takeTurns } from "./taking-turns.js";

export interface Conviction {
  /** Histories until it was found; undefined when it was not. */
  histories: number | undefined;
  names: readonly string[];
  report: string;
}

/** Runs a mutant until something of what must be found is found. */
export async function convict(name: ProtocolName, mutant: Mutant): Promise<Conviction> {
  const { program, edits, watch, most } = mutant;
  const seen = (names: readonly string[]) => names.some((each) => mutant.found.test(each));
  let found: Conviction = { histories: undefined, names: [], report: "" };
  if (program === "taking turns") {
    const { HeadDriver } = await sourcesWith(edits);
    for (let seed = 1; seed <= most; seed++) {
      try {
        await takeTurns(seed, HeadDriver);
      } catch (error) {
        const report = String(error);
        return { histories: seen([report]) ? seed : undefined, names: [report], report };
      }
    }
    return found;
  }
  const protocol = await loadProtocol(name, edits, watch ?? false);
  if (program !== undefined) {
    for (let seed = 1; seed <= most; seed++) {
      const { names, report } = await judge(() => runProgram(program, new RandomChooser(seed), protocol));
      if (names.length > 0) return { histories: seen(names) ? seed : undefined, names, report };
    }
    return found;
  }
  await runHistories(protocol, { first: 1, count: most, most: 1 }, ({ seed, names, report }) => {
    found = { histories: seen(names) ? seed : undefined, names, report };
  });
  return found;
}
