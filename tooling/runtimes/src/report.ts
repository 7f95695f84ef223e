/** What the kit said of a store in a runtime. */
export interface Report {
  /** Of the runtime. */
  readonly version: string;
  readonly passed: number;
  readonly failed: readonly string[];
  /** Cases that the store declares to lack, or that are tried elsewhere. */
  readonly gaps: number;
}
