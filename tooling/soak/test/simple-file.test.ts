import { expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";

it("the file of SimpleChatStore is one moment of each killed process's life", async () => {
  const report = await soak({ store: "simple-file", rounds: 10, seed: 18 });
  expect(isClean(report), describeReport(report)).toBe(true);
  expect(report.operations).toBeGreaterThan(500);
  expect(report.faults).toEqual({ "client killed": 7, "client killed while opening": 1, "second process": 2 });
});

it("a file that is written in place, without a lock, by a store that says it is done, is convicted", async () => {
  const store = new URL("./fixtures/naive-file.ts", import.meta.url);
  const { anomalies, reports } = await soak({ store, rounds: 4, seed: 80 });
  expect(Object.keys(anomalies)).toEqual(expect.arrayContaining(["lost-after-flush", "two-owners"]));
  expect(reports.join("\n")).toContain("acknowledged before a flush that settled");
});
