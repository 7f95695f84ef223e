import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkloadOptions } from "@chatkeep/chat-store-conformance";
import { runLives } from "./lives.js";
import { type SoakReport, Tally } from "./report.js";
import { runRounds } from "./rounds.js";
import type { Run } from "./run.js";
import { stores } from "./stores.js";
import { loadSubject } from "./subject.js";

export interface SoakOptions {
  /** A name in `stores.ts`, or the file of a store that is not there. */
  readonly store: string | URL;
  /** The run ends with the round in which the first of these is reached. */
  readonly minutes?: number | undefined;
  readonly rounds?: number | undefined;
  /**
   * Decides keys, calls, the faults of the n-th request of each client, and who is killed when. How calls overlap it does not
   * decide, and with them neither what comes of it.
   */
  readonly seed?: number | undefined;
  /** Processes, or for a store that lives in one: clients in it. 3 when absent. */
  readonly clients?: number | undefined;
  /** Which calls rounds for the general check are made of; all when absent. */
  readonly workload?: Pick<WorkloadOptions, "weights" | "maxBatch" | "maxIndex"> | undefined;
  /** Neither faults nor kills. */
  readonly calm?: boolean | undefined;
  /** A folder for histories that fail. */
  readonly keep?: string | undefined;
  readonly onProgress?: ((report: SoakReport) => void) | undefined;
  /** Ends the run after the present round. */
  readonly signal?: AbortSignal | undefined;
}

const CLIENTS = 3;

/** Runs a store under faults, and judges what it did. Rejects when something else is wrong: a client that crashed or hangs. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { calm = false, clients = CLIENTS, minutes, onProgress, rounds, seed = 1, signal } = options;
  const url = typeof options.store === "string" ? stores[options.store] : options.store;
  if (url === undefined)
    throw new RangeError(`no store "${String(options.store)}"; known: ${Object.keys(stores).join(", ")}`);
  if (minutes === undefined && rounds === undefined) throw new RangeError("a run needs minutes or rounds");
  const name = typeof options.store === "string" ? options.store : (url.pathname.split("/").at(-1) ?? "");
  const subject = await loadSubject(url.href);
  const folder = await mkdtemp(join(tmpdir(), "chatkeep-soak-"));
  const tally = new Tally();
  const until = minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + minutes * 60_000;
  const run: Run = {
    store: name,
    url: url.href,
    seed,
    clients,
    workload: options.workload ?? {},
    calm,
    folder,
    keep: options.keep,
    tally,
    over: (done) => done >= (rounds ?? Number.POSITIVE_INFINITY) || Date.now() >= until || signal?.aborted === true,
    progress: () => onProgress?.(tally.report(name, seed)),
  };
  try {
    await (subject.kind === "file" ? runLives(subject, run) : runRounds(subject, run));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return tally.report(name, seed);
}
