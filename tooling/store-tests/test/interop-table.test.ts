import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { page, pinnedRows } from "../src/interop-table.js";

describe("docs/llamaindex.md", () => {
  it.each(pinnedRows())("was verified with the versions that are pinned: %s", (row) => {
    // After another version is pinned: run the tests with Python, then `pnpm interop-table`.
    expect(readFileSync(page, "utf8")).toContain(`| ${row} | `);
  });
});
