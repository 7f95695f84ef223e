import { SimpleChatStore } from "@chatkeep/chat-store-core";
import { describe, expect, it } from "vitest";
import { ofStore } from "../src/histories.js";
import { inRounds } from "../src/rounds.js";
import { quantile, summarize } from "../src/statistics.js";

describe("statistics", () => {
  it("quantiles lie between samples in proportion, in whatever order they came", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10, 0], 0.95)).toBeCloseTo(9.5);
    expect(summarize([7])).toEqual({ median: 7, p95: 7, samples: 1 });
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe("rounds", () => {
  it("every contender has its turn in each, until it has the most samples", async () => {
    const calls = { a: 0, b: 0 };
    const contenders = [
      { name: "a", run: () => calls.a++ },
      { name: "b", run: async () => calls.b++ },
    ];
    const summaries = await inRounds(contenders, { budgetMs: 60_000, most: 30, calls: 2 });
    expect([...summaries.keys()]).toEqual(["a", "b"]);
    expect([...summaries.values()].map(({ samples }) => samples)).toEqual([30, 30]);
    // Three rounds warm up.
    expect(calls).toEqual({ a: 66, b: 66 });
  });

  it("who has used its budget up has its fewest samples", async () => {
    const summaries = await inRounds([{ name: "a", run: () => {} }], { budgetMs: 0, fewest: 7 });
    expect(summaries.get("a")?.samples).toBe(7);
  });
});

it("a store's history has the length to which it was filled, and gives the end of it", async () => {
  const histories = ofStore(new SimpleChatStore());
  await histories.fill("k", 30);
  await histories.append("k", 30);
  await histories.appendMany("k", 3);
  expect(await histories.newest("k", 5)).toHaveLength(5);
  expect(await histories.newest("k", 100)).toHaveLength(34);
  await histories.close();
});
