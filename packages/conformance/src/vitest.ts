import { afterAll, describe, it } from "vitest";
import { type ConformanceOptions, defineConformance } from "./run.js";
import type { Subject } from "./subject.js";

/**
 * The whole kit as vitest tests, with one call in a test file. Without a level in the options, the environment variable
 * `CONFORMANCE_LEVEL` says it.
 */
export function conformance(subject: Subject, options: ConformanceOptions = {}): void {
  const level = process.env.CONFORMANCE_LEVEL === "full" ? "full" : "quick";
  defineConformance({ afterAll, describe, it }, subject, { level, ...options });
}
