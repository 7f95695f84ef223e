import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";

describe.runIf(runningServer("redis")?.own)("over Upstash's protocol", () => {
  it("UpstashChatStore is not convicted, whoever is killed", async () => {
    const report = await soak({ store: "upstash", rounds: 4, seed: 184, clients: 2 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report.operations).toBeGreaterThan(400);
    expect(report.faults["client killed"]).toBeGreaterThan(0);
    expect(report.faults["server killed"]).toBeGreaterThan(0);
    for (const fault of ["reset-before", "reset-after", "truncate-reply", "duplicate", "late-duplicate"])
      expect(report.faults[fault], fault).toBeGreaterThan(0);
  }, 240_000);
});
