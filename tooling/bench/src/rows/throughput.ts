import type { Histories } from "../histories.js";
import { chatkeepPostgres, rawPostgres } from "../on-postgres.js";
import { chatkeepRedis, rawRedis } from "../on-redis.js";
import { OURS, RAW } from "../results.js";
import type { Row } from "../row.js";
import { summarize } from "../statistics.js";

const WHAT = "throughput";
const CLIENTS = 64;

/** What each client does, again and again. */
const loads: Readonly<Record<string, (histories: Histories, client: number, number: number) => Promise<unknown>>> = {
  "appends to 64": ({ append }, client, number) => append(`load ${client}`, number),
  "appends to 1": ({ append }, _, number) => append("load", number),
  "4 pages of 20 to 1 append, 64": ({ append, newest }, client, number) =>
    number % 5 === 0 ? append(`load ${client}`, number) : newest(`load ${client}`, 20),
};

export const throughput: Row = {
  name: WHAT,
  title: "Throughput",
  text: `${CLIENTS} clients in one process, each with one call at a time, to as many conversations or to one; the raw driver does what it does in the other
tables. Each has its own client with its default settings: one connection to Redis, ten to Postgres. Operations a second, in rounds
that take turns.`,
  async measure({ results, servers, quick, wants }) {
    for (const [store, open] of [
      ["redis", (url: string) => [rawRedis(url), chatkeepRedis(url)]],
      ["postgres", async (url: string) => [await rawPostgres(url), chatkeepPostgres(url)]],
    ] as const) {
      if (!wants(store)) continue;
      const all = await open((await servers.get(store)).url);
      try {
        for (const [variant, operation] of Object.entries(loads)) {
          const rates = new Map<string, number[]>(all.map(({ name }) => [name, []]));
          const rounds = quick ? 4 : 6;
          for (let round = 0; round <= rounds; round++) {
            for (const each of round % 2 === 0 ? all : all.toReversed()) {
              const rate = await rateOf((client, number) => operation(each, client, number), quick ? 250 : 700);
              // The first round warms up.
              if (round > 0) rates.get(each.name)?.push(rate);
            }
          }
          for (const [contender, samples] of rates) {
            const { median } = summarize(samples);
            results.add({ what: WHAT, store, variant, contender, unit: "operations/s", value: median });
          }
          const value = (name: string) => results.value(WHAT, store, variant, name);
          const text = `${store}, ${variant}: at least 0.8 of the raw driver`;
          results.aimRatio(WHAT, text, value(OURS), value(RAW), { atLeast: 0.8 });
        }
      } finally {
        for (const each of all) await each.close();
      }
    }
  },
};

async function rateOf(operation: (client: number, number: number) => Promise<unknown>, ms: number): Promise<number> {
  const began = performance.now();
  const end = began + ms;
  let done = 0;
  const client = async (index: number) => {
    for (let number = 0; performance.now() < end; number++, done++) await operation(index, number);
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  return done / ((performance.now() - began) / 1_000);
}
