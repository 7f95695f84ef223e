import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";
import { stores } from "../src/stores.js";

describe.runIf(runningServer("dynamodb")?.own)("DynamoDBChatStore", () => {
  it("stands faults and killed clients", async () => {
    const report = await soak({ store: stores.dynamodb!, rounds: 3, seed: 3, clients: 2 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report.operations).toBeGreaterThan(200);
    expect(report.faults["client killed"]).toBeGreaterThan(0);
    for (const fault of ["reset-before", "reset-after", "duplicate"])
      expect(report.faults[fault], fault).toBeGreaterThan(0);
  }, 180_000);
});
