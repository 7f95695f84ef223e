import { describe, expect, test } from "vitest";
import { checkHistory } from "../../src/checker/check-history.js";
import { byKey, type History } from "../../src/checker/history.js";
import { Alphabet, replyOf, stateAfter } from "../../src/checker/model.js";
import { operationsOf } from "../../src/checker/operations.js";
import { seededRandom } from "../../src/checker/random.js";
import { record } from "../../src/checker/recorder.js";
import { search } from "../../src/checker/search.js";
import { runWorkload } from "../../src/checker/workload.js";
import { append, count, forget, inTurn, ok, pop, read, unknown } from "./calls.js";
import { ListStore } from "./list-store.js";

async function workload(seed: number): Promise<History> {
  const store = new ListStore({ random: seededRandom(seed), delay: 6, lose: 0.15, refuse: 0.05 });
  let now = 0;
  const { calls, store: client } = record(store, { client: "c", clock: () => ++now });
  await runWorkload([client], { seed, keys: ["k"], operations: 150, concurrency: 8, retries: 1 });
  return calls;
}

test("the linearization that it finds is one", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const calls = byKey(await workload(seed)).get("k") ?? [];
    const { operations } = operationsOf(calls);
    const alphabet = new Alphabet();
    const steps = alphabet.steps(operations);
    const result = search(steps, { initial: "", expires: false, maxSteps: 500_000 });
    expect(result.verdict).toBe("linearizable");

    expect(new Set(result.order).size).toBe(result.order.length);
    expect(steps.every((step, at) => !step.answered || result.order.includes(at))).toBe(true);
    let state = "";
    let latest = Number.NEGATIVE_INFINITY;
    for (const at of result.order) {
      const step = steps[at]!;
      latest = Math.max(latest, step.start);
      expect(step.end).toBeGreaterThanOrEqual(latest);
      if (step.answered) expect(replyOf(state, step.move)).toBe(step.reply);
      state = stateAfter(state, step.move);
    }
  }
});

describe("the step limit", () => {
  // Values written twice, all at once: nothing to go by.
  const crowd: History = [
    ...Array.from({ length: 14 }, (_, at) => ok(`c${at}`, 0, 100, append(at % 2 === 0 ? "x" : "y", `${at % 5}`))),
    ok("r", 200, 201, count, 27),
  ];
  test("beyond it the verdict is undecided", () => {
    const result = checkHistory(crowd, { maxSteps: 2_000 });
    expect(result.verdict).toBe("undecided");
    expect(result.undecided).toHaveLength(1);
  });
  test("a prefix that fails within it is a violation all the same", () => {
    const early = [ok("r", -5, -4, read, ["z"]), ...crowd];
    expect(checkHistory(early, { maxSteps: 2_000 }).violations[0]?.anomaly).toBe("foreign-value");
  });
});

test("a violation is shown at the shortest prefix that fails, without what does not matter", () => {
  const history = [
    ...inTurn([append("a")], [read, ["a"]], [count, 1], [append("b")], [pop, "b"], [count, 1], [append("c")]),
    unknown("b", 62, undefined, forget),
    ok("b", 70, 75, read, ["a", "b", "c"]),
    ok("b", 80, 85, read, ["x"]),
  ];
  const [violation] = checkHistory(history).violations;
  expect(violation?.report).toMatchInlineSnapshot(`
    "resurrected on key "k": ["b"] is back after it was gone
      the call: b read was told ["a", "b", "c"]
      expected: ["a", "c"] or [] or ["c"]
      states it may have met: ["a", "c"] or [] or ["c"]
      the 9 calls until then fail, and did not before its answer
      timeline in ms, 3 other calls left out:
        0.000..5.000    ||           a append "a" -> done
        30.000..35.000    ||         a append "b" -> done
        40.000..45.000      ||       a pop -> "b"
        60.000..65.000        |-|    a append "c" -> done
        62.000..               |...  b forget -> no answer
      > 70.000..75.000           ||  b read -> ["a", "b", "c"]"
  `);
  expect(violation?.call).toBe(history[8]);
  expect(violation?.excerpt).not.toContain(history[2]);
});

test("a call that is not well formed is an error, not a pass", () => {
  const call = ok("a", 0, 1, read, []);
  for (const wrong of [
    { ...call, start: Number.NaN },
    { ...call, end: -1 },
    { ...call, end: undefined },
    { ...call, answer: undefined },
    { ...call, answer: 3 },
    { ...call, outcome: "unknown" as const },
    { ...call, action: count },
    { ...call, action: append("a") },
  ])
    expect(() => checkHistory([wrong])).toThrow(TypeError);
});

test("keys that objects have by nature are keys like any other", () => {
  for (const key of ["__proto__", "constructor", "toString"]) {
    expect(checkHistory([ok("a", 0, 1, read, [], { key })], { initial: {} }).verdict).toBe("linearizable");
    const initial = JSON.parse(`{${JSON.stringify(key)}: ["a"]}`) as Record<string, string[]>;
    expect(checkHistory([ok("a", 0, 1, read, ["a"], { key })], { initial }).verdict).toBe("linearizable");
  }
});
