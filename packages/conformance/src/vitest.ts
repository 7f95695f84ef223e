import { afterAll, describe, it } from "vitest";
import { type ConformanceOptions, defineConformance } from "./run.js";
import type { Subject } from "./subject.js";

/** The whole kit as vitest tests, with one call in a test file. */
export function conformance(subject: Subject, options?: ConformanceOptions): void {
  defineConformance({ afterAll, describe, it }, subject, options);
}
