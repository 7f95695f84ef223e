import { describe, expect, it } from "vitest";
import { runCommand } from "./run-command.js";

describe("the command", () => {
  it("passes a store that is right", async () => {
    const { code, output } = await runCommand("--store", "simple", "--rounds", "1", "--calm", "--seed", "3");
    expect(output).toMatch(/^store +simple, seed 3$/m);
    expect(output).toMatch(/^faults +none$/m);
    expect(output).toMatch(/^anomalies +none$/m);
    expect(code).toBe(0);
  });

  it("says how it is used", async () => {
    for (const args of [["--store", "nowhere", "--minutes", "1"], ["--store", "simple"], ["--nonsense"]]) {
      const { code, output } = await runCommand(...args);
      expect(output).toContain("pnpm soak --store X --minutes N");
      expect(code).toBe(2);
    }
  });
});
