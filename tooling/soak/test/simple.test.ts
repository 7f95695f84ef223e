import { expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";

it("SimpleChatStore stands lost, late and repeated calls of many clients", async () => {
  const report = await soak({ store: "simple", rounds: 5, seed: 20, clients: 4 });
  expect(isClean(report), describeReport(report)).toBe(true);
  expect(report).toMatchObject({ rounds: 5, big: 1, anomalies: {}, undecided: [] });
  expect(report.operations).toBeGreaterThan(3_000);
  expect(Object.keys(report.faults).sort()).toEqual(["abort", "duplicate", "late", "reply-lost", "request-lost"]);
  expect(report.refused).toBeGreaterThan(0);
});
