import type { WorkloadOptions } from "@chatkeep/chat-store-conformance";
import type { Tally } from "./report.js";

/** What every part of a run knows of it. */
export interface Run {
  readonly store: string;
  /** Of the store's file. */
  readonly url: string;
  readonly seed: number;
  readonly clients: number;
  readonly workload: Partial<WorkloadOptions>;
  /** Neither faults nor kills. */
  readonly calm: boolean;
  /** Temporary. */
  readonly folder: string;
  /** Where histories that fail are kept; nowhere when absent. */
  readonly keep: string | undefined;
  readonly tally: Tally;
  over(rounds: number): boolean;
  progress(): void;
}
