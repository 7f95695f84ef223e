import { HeadDriver } from "@chatkeep/chat-store-core/backend";
import { expect, it } from "vitest";
import { runHistories } from "../src/histories.js";

// Each in a file of its own would use more cores; two files are as many as there are.
it.each([200_001, 300_001])("finds nothing wrong in random histories from seed %i", async (first) => {
  const found: string[] = [];
  const totals = await runHistories({ HeadDriver, watch: true, first, count: 5_000 }, ({ seed, names, report }) => {
    found.push(`seed ${seed}: ${names.join(", ")}\n${report}`);
  });
  expect(found.join("\n")).toBe("");
  expect(totals.operations).toBeGreaterThan(10 * totals.histories);
  expect(totals.unknown).toBeLessThan(totals.operations / 5);
});
