import { driverWith } from "./bundle.js";
import { RandomChooser } from "./choices.js";
import { judge, runHistories } from "./histories.js";
import type { Mutant } from "./mutants.js";
import { runProgram } from "./program.js";
import { takeTurns } from "./taking-turns.js";

export interface Conviction {
  /** Histories until it was found; undefined when it was not. */
  histories: number | undefined;
  names: readonly string[];
  report: string;
}

/** Runs a mutant until something of what must be found is found. */
export async function convict(mutant: Mutant): Promise<Conviction> {
  const HeadDriver = await driverWith(mutant.edits);
  const options = { HeadDriver, watch: mutant.watch ?? false };
  let found: Conviction = { histories: undefined, names: [], report: "" };
  const { program } = mutant;
  if (program !== undefined) {
    for (let seed = 1; seed <= mutant.most; seed++) {
      const { names, report } =
        program === "taking turns"
          ? await takeTurns(seed, HeadDriver).then(
              () => ({ names: [], report: "" }),
              (error: unknown) => ({ names: [String(error)], report: String(error) }),
            )
          : await judge(() => runProgram(program, new RandomChooser(seed), options));
      if (names.length === 0) continue;
      return { histories: names.some((name) => mutant.found.test(name)) ? seed : undefined, names, report };
    }
    return found;
  }
  await runHistories({ ...options, first: 1, count: mutant.most, most: 1 }, ({ seed, names, report }) => {
    found = { histories: names.some((name) => mutant.found.test(name)) ? seed : undefined, names, report };
  });
  return found;
}
