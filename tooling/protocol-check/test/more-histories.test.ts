import { expect, it } from "vitest";
import { runHistories } from "../src/histories.js";
import { loadProtocol } from "../src/protocols.js";

// Each in a file of its own would use more cores; two files are as many as there are.
it.each([200_001, 300_001])("finds nothing wrong in random histories from seed %i", async (first) => {
  const found: string[] = [];
  const protocol = await loadProtocol("head");
  const totals = await runHistories(protocol, { first, count: 5_000 }, ({ seed, names, report }) => {
    found.push(`seed ${seed}: ${names.join(", ")}\n${report}`);
  });
  expect(found.join("\n")).toBe("");
  expect(totals.operations).toBeGreaterThan(10 * totals.histories);
  expect(totals.unknown).toBeLessThan(totals.operations / 5);
});
