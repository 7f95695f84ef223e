import { describe, expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";

describe.each(["tablestore", "tablestore-llamaindex"])("%s", (name) => {
  it("is not convicted, whoever is killed and whatever is lost", async () => {
    const report = await soak({ store: name, rounds: 2, seed: 77, clients: 2 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report.operations).toBeGreaterThan(150);
    expect(report.faults["client killed"]).toBeGreaterThan(0);
    for (const fault of ["reset-before", "reset-after", "duplicate"])
      expect(report.faults[fault], fault).toBeGreaterThan(0);
  }, 180_000);
});
