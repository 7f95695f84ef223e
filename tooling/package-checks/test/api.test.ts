import { describe, expect, it } from "vitest";
import { currentReport, entries, reportOf } from "../src/api-report.js";
import { changedSinceRelease, namedByChangesets } from "../src/changesets.js";
import { publicPackages } from "../src/packages.js";

describe.each(entries())("the public API of $name", (entry) => {
  it("is the one that is written down: `pnpm api` writes it anew", () => {
    expect(currentReport(entry)).toBe(reportOf(entry));
  });
});

describe.each(publicPackages())("$name", ({ name, folder }) => {
  it("has a changeset if its public API has changed since its last release", async () => {
    if (await changedSinceRelease(folder, "api")) expect(await namedByChangesets()).toContain(name);
  });
});
