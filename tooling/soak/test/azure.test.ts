import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";

// The run starts an Azurite of its own; this asks whether there is one.
describe.runIf(runningServer("azurite")?.own)("AzureChatStore", () => {
  it("stands lost and doubled requests and clients that are killed", async () => {
    const report = await soak({ store: "azure", rounds: 3, seed: 7, clients: 3 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report).toMatchObject({ rounds: 3, anomalies: {}, undecided: [] });
    expect(report.faults["client killed"]).toBeGreaterThan(0);
    expect(report.faults["reset-after"]).toBeGreaterThan(0);
  }, 400_000);
});
