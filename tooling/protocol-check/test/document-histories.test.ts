import { expect, it } from "vitest";
import { runHistories } from "../src/histories.js";
import { loadProtocol } from "../src/protocols.js";

it.each([
  { name: "document", count: 10_000 },
  { name: "azure-llamaindex", count: 700 },
] as const)("finds nothing wrong in random histories: $name", async ({ name, count }) => {
  const found: string[] = [];
  const protocol = await loadProtocol(name);
  const totals = await runHistories(protocol, { first: 1, count }, ({ seed, names, report }) => {
    found.push(`seed ${seed}: ${names.join(", ")}\n${report}`);
  });
  expect(found.join("\n")).toBe("");
  expect(totals.operations).toBeGreaterThan(10 * totals.histories);
  expect(totals.unknown).toBeLessThan(totals.operations / 5);
});
