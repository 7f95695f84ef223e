import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { currentReport, entries } from "./api-report.js";

// Writes down the public API of all packages, as they are built.
for (const entry of entries()) {
  mkdirSync(dirname(entry.report), { recursive: true });
  writeFileSync(entry.report, currentReport(entry));
}
