import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";
import { stores } from "../src/stores.js";

describe.runIf(runningServer("postgres")?.own)("PostgresChatStore", () => {
  it("stands faults and kills, of clients and of the server", async () => {
    const report = await soak({ store: stores.postgres!, rounds: 4, seed: 184, clients: 2 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report.operations).toBeGreaterThan(300);
    expect(report.faults).toMatchObject({ "client killed": 3, "server killed": 2 });
    for (const fault of ["reset-before", "reset-after", "truncate-reply"])
      expect(report.faults[fault], fault).toBeGreaterThan(0);
  });
});
