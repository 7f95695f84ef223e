/** What the command line asked for. */
export interface Orders {
  readonly stores: readonly string[];
  readonly what: readonly string[];
  readonly quick: boolean;
  readonly peersFolder: string;
  readonly python: string | undefined;
  /** Where the measurements are written. */
  readonly output: string;
}

/** The exit code when there are results, but not of all rows. */
export const FAILED_IN_PART = 3;
