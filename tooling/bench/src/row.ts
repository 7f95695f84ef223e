import type { LoadPeer } from "./peers.js";
import type { Results } from "./results.js";
import type { Servers } from "./servers.js";

/** What a row of the report gets to measure with. */
export interface Bench {
  readonly results: Results;
  readonly servers: Servers;
  readonly load: LoadPeer;
  readonly peersFolder: string;
  /** The interpreter that has LlamaIndex Python. */
  readonly python: string | undefined;
  readonly quick: boolean;
  /** Whether a server is to be looked at in this run. */
  wants(store: string): boolean;
}

/** One row: a thing that is measured against others that do it. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** How it is measured, and what the others do differently: a paragraph of Markdown. */
  readonly text: string;
  measure(bench: Bench): Promise<void>;
}
