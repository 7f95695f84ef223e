import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkAppendOnly } from "../../src/checker/check-append-only.js";
import { checkHistory } from "../../src/checker/check-history.js";
import type { Call } from "../../src/checker/history.js";
import { seededRandom } from "../../src/checker/random.js";
import { record } from "../../src/checker/recorder.js";
import { assertLinearizable, describeResult } from "../../src/checker/result.js";
import { APPEND_ONLY_WEIGHTS, planWorkload, runWorkload, type WorkloadOptions } from "../../src/checker/workload.js";
import { type Faults, ListStore } from "./list-store.js";

/** A run in virtual time: the same history for the same seed. */
async function run(
  workload: Partial<WorkloadOptions> & { seed: number; clients?: number },
  faults: Partial<Faults>,
): Promise<Call[]> {
  const store = new ListStore({ random: seededRandom(workload.seed + 1), delay: 6, ...faults });
  let now = 0;
  const calls: Call[] = [];
  const recorded = (client: string) => record(store, { client, clock: () => ++now, calls }).store;
  const clients = Array.from({ length: workload.clients ?? 4 }, (_, at) => recorded(`c${at}`));
  const keys = ["one", "two"];
  await runWorkload(clients, { keys, operations: 120, ...workload });
  for (const key of workload.keys ?? keys) await recorded("last").getMessages(key);
  return calls;
}

const network: Partial<Faults> = { lose: 0.15, refuse: 0.05 };
const seeds = fc.integer({ min: 0, max: 2 ** 31 });

describe("a correct store passes", () => {
  test("any calls, lost requests and replies, retries by other clients", async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 2 }),
        async (seed, concurrency, retries) => {
          assertLinearizable(checkHistory(await run({ seed, concurrency, retries }, network)));
        },
      ),
      { numRuns: 80 },
    );
  });

  test("conversations that expire, if they may", async () => {
    let unexplained = 0;
    for (let seed = 0; seed < 50; seed++) {
      const calls = await run({ seed, operations: 60 }, { ...network, expire: 0.05 });
      assertLinearizable(checkHistory(calls, { expires: true }));
      if (checkHistory(calls).verdict === "violation") unexplained++;
    }
    expect(unexplained).toBeGreaterThan(25);
  });

  test("appends only, by both checkers", async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 2 }),
        async (seed, concurrency, retries) => {
          const calls = await run({ seed, concurrency, retries, weights: APPEND_ONLY_WEIGHTS }, network);
          assertLinearizable(checkAppendOnly(calls));
          assertLinearizable(checkHistory(calls));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("a wrong store is found", () => {
  const broken: [string, Partial<Faults>, Partial<WorkloadOptions>][] = [
    ["one that reads, waits and writes", { racy: true }, {}],
    ["the same behind a bad network", { racy: true, ...network }, { retries: 1 }],
    ["one that forgets operation ids", { forgetful: true, lose: 0.3 }, { retries: 2 }],
  ];
  for (const [what, faults, workload] of broken) {
    for (const weights of [undefined, APPEND_ONLY_WEIGHTS]) {
      test(`${what}${weights === undefined ? "" : ", appends only"}`, async () => {
        let found = 0;
        const names = new Set<string>();
        const runs = 20;
        for (let seed = 0; seed < runs; seed++) {
          const calls = await run({ seed, clients: 6, ...workload, weights }, faults);
          const general = checkHistory(calls);
          for (const { anomaly } of general.violations) names.add(anomaly);
          if (weights !== undefined) {
            const quick = checkAppendOnly(calls);
            expect(quick.verdict, describeResult(quick)).toBe(general.verdict);
          }
          if (general.verdict === "violation") found++;
        }
        expect(found, [...names].join()).toBeGreaterThan(runs * 0.9);
      });
    }
  }
});

test("the plan follows from the seed alone, and its values are unique", () => {
  const options = { seed: 7, keys: ["a", "b"], operations: 500, concurrency: 3 };
  const plan = planWorkload(options);
  expect(planWorkload(options)).toEqual(plan);
  expect(planWorkload({ ...options, seed: 8 })).not.toEqual(plan);
  expect(plan.flat()).toHaveLength(500);
  const values = plan
    .flat()
    .flatMap(({ action }) => ("values" in action ? action.values : "value" in action ? action.value : []));
  expect(new Set(values).size).toBe(values.length);
  expect(new Set(plan.flat().map(({ action }) => action.kind)).size).toBe(11);
});
