import { type Summary, summarize } from "./statistics.js";

/** One of those that do the same thing in their own way. */
export interface Contender {
  readonly name: string;
  /** Once. What is not to be timed (making the message) is done before, by the row. */
  run(): unknown;
}

export interface RoundOptions {
  /** For all rounds of one contender: it takes part in no further one when it has used this up, and has its fewest. */
  readonly budgetMs: number;
  readonly fewest?: number;
  readonly most?: number;
  /** Calls timed as one sample, for what takes microseconds. */
  readonly calls?: number;
}

/**
 * Times all contenders in rounds, each once a round and in another order each time, so that whatever else the machine
 * does falls on all alike, until the slow have used their budget: the rest of the rounds is the faster ones' alone. The
 * first rounds warm up and do not count.
 */
export async function inRounds(
  contenders: readonly Contender[],
  { budgetMs, fewest = 5, most = 1_000, calls = 1 }: RoundOptions,
): Promise<Map<string, Summary>> {
  const times = new Map<Contender, number[]>(contenders.map((each) => [each, []]));
  const used = new Map<Contender, number>();
  const isDone = (each: Contender) => {
    const count = times.get(each)?.length ?? 0;
    return count >= most || (count >= fewest && (used.get(each) ?? 0) >= budgetMs);
  };
  const warmUps = Math.min(200, Math.ceil(most / 10));
  for (let round = -warmUps; contenders.some((each) => !isDone(each)); round++) {
    for (const contender of shuffled(contenders)) {
      const spent = used.get(contender) ?? 0;
      // Who is slow needs no second warm-up.
      if (round < -1 ? spent > budgetMs / 10 : isDone(contender)) continue;
      const began = performance.now();
      for (let call = 0; call < calls; call++) await contender.run();
      const elapsed = performance.now() - began;
      used.set(contender, spent + elapsed);
      if (round >= 0) times.get(contender)?.push(elapsed / calls);
    }
    if (round === -1) used.clear();
  }
  return new Map([...times].map(([{ name }, samples]) => [name, summarize(samples)]));
}

function shuffled<Value>(values: readonly Value[]): Value[] {
  const rest = [...values];
  for (let i = rest.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [rest[i], rest[j]] = [rest[j] as Value, rest[i] as Value];
  }
  return rest;
}
