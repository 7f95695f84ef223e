/** What is sent: one statement with its values. */
export interface PostgresQuery {
  /** By which it is prepared at the first use of a connection; absent for a statement that is not. */
  name?: string;
  text: string;
  values?: unknown[];
  rowMode: "array";
  types: { getTypeParser(): (text: string) => string };
}

/** What a statement answered, as pg gives it. */
export interface PostgresResult {
  rows: unknown[];
  rowCount: number | null;
}

/** The part of pg's `PoolClient` that is used. */
export interface PostgresClientLike {
  query(query: PostgresQuery, done: (error: Error | null | undefined, result: PostgresResult) => void): void;
  /** With true the connection is not used again. */
  release(destroy?: boolean): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** The part of pg's `Pool` that is used, so that one of another copy of pg, or of a driver made like it, fits too. */
export interface PostgresPoolLike {
  connect(): Promise<PostgresClientLike>;
}
