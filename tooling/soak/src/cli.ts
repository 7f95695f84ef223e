import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { CACHE } from "@chatkeep/test-servers";
import { describeReport, isClean, progressOf } from "./report.js";
import { stores } from "./stores.js";

const USAGE = `pnpm soak --store X --minutes N [--rounds R] [--seed S] [--clients K] [--calm] [--keep F]
  --store    ${Object.keys(stores).join(", ")}, or the path of a file like those of tooling/soak/src/stores
  --minutes  how long; or --rounds, how many rounds at most
  --seed     of keys, calls, faults and kills; chosen and printed when absent
  --clients  processes, 3 by default
  --calm     neither faults nor kills
  --keep     a folder for histories that fail; .cache/soak by default`;

const PROGRESS_MS = 10_000;

class Usage extends Error {}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) throw new Usage(`--${name} must be a number above 0`);
  return number;
}

function options() {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      options: {
        store: text,
        minutes: text,
        rounds: text,
        seed: text,
        clients: text,
        keep: text,
        calm: { type: "boolean" },
      },
    });
    const { calm, store } = values;
    if (store === undefined) throw new Usage("--store is missing");
    const [minutes, rounds] = [numberOf("minutes", values.minutes), numberOf("rounds", values.rounds)];
    if (minutes === undefined && rounds === undefined) throw new Usage("--minutes is missing");
    if (stores[store] === undefined && !store.endsWith(".ts")) throw new Usage(`there is no store ${store}`);
    return {
      store: stores[store] === undefined ? pathToFileURL(resolve(store)) : store,
      minutes,
      rounds,
      seed: Math.floor(numberOf("seed", values.seed) ?? 1 + Math.random() * 1e9),
      clients: Math.ceil(numberOf("clients", values.clients) ?? 3),
      calm,
      keep: values.keep ?? join(CACHE, "soak"),
    };
  } catch (error) {
    if (error instanceof Usage || error instanceof TypeError) {
      console.error(`${error.message}\n\n${USAGE}`);
      process.exit(2);
    }
    throw error;
  }
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    console.log("ending after this round; once more to end at once");
    stopping.abort();
  });

let said = Date.now();
const chosen = options();
// Not before it is wanted: it brings the whole kit.
const { soak } = await import("./soak.js");
console.log(`soaking ${chosen.store} with seed ${chosen.seed}`);
const report = await soak({
  ...chosen,
  signal: stopping.signal,
  onProgress(sofar) {
    if (Date.now() - said < PROGRESS_MS) return;
    said = Date.now();
    console.log(progressOf(sofar));
  },
});
// To its end and not further: Node can't close a TCP connection that is reset while it is being ended, and would wait for it.
process.stdout.write(`\n${describeReport(report)}\n`, () => process.exit(isClean(report) ? 0 : 1));
