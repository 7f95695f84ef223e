import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { chatStoreError } from "@chatkeep/chat-store-core/backend";
import type { PostgresClientLike, PostgresPoolLike, PostgresQuery } from "./pool.js";
import type { Statement } from "./statement.js";

/** A row in the order of its columns, each as Postgres writes it. */
export type Row = (string | null)[];

export interface Result {
  rows: Row[];
  /** Of the statement's own rows: what it wrote, or read. */
  count: number;
}

/** There was no connection, so that nothing was sent. */
export class NotConnected extends Error {
  constructor(readonly reason: unknown) {
    super("no connection");
  }
}

/** Runs the statements of one transaction; all of them on one connection. */
export type Send = (text: string, values?: unknown[]) => Promise<Result>;

/**
 * Statements over a pool, as poolers by transaction can take them: nothing set on a session, and never more than one
 * connection for a call. What is sent again and again is prepared, as long as a pooler can take that.
 */
export class Database {
  readonly #pool: PostgresPoolLike;
  #prepares: boolean;

  constructor(pool: PostgresPoolLike, preparedStatements: boolean) {
    this.#pool = pool;
    this.#prepares = preparedStatements;
  }

  /** One statement, which is a transaction of its own: one round trip. It is prepared by the first use of a connection. */
  async run(signal: AbortSignalLike, { name, text }: Statement, values: unknown[]): Promise<Result> {
    if (!this.#prepares) return this.runOnce(signal, text, values);
    try {
      return await this.#connected(signal, (client) => send(client, text, values, name));
    } catch (error) {
      if (!isUnprepared(error)) throw error;
      this.#prepares = false;
      return this.runOnce(signal, text, values);
    }
  }

  /** The same for a statement that will not come again. */
  runOnce(signal: AbortSignalLike, text: string, values: unknown[] = []): Promise<Result> {
    return this.#connected(signal, (client) => send(client, text, values));
  }

  /** Several, each of which sees what was committed before it: READ COMMITTED, whatever the default is. */
  transaction<T>(signal: AbortSignalLike, work: (send: Send) => Promise<T>): Promise<T> {
    return this.#connected(signal, async (client) => {
      await send(client, "BEGIN ISOLATION LEVEL READ COMMITTED");
      try {
        const answer = await work((text, values) => send(client, text, values));
        await send(client, "COMMIT");
        return answer;
      } catch (error) {
        if (isServersRefusal(error) || !isFailure(error)) await send(client, "ROLLBACK");
        throw error;
      }
    });
  }

  async #connected<T>(signal: AbortSignalLike, work: (client: PostgresClientLike) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw new NotConnected(error);
    });
    // A connection that breaks between two statements tells nobody else, and an error that nobody hears ends the process.
    client.on("error", ignore);
    let released = false;
    const release = (destroy: boolean) => {
      if (released) return;
      released = true;
      if (!destroy) client.off("error", ignore);
      client.release(destroy);
    };
    // Nobody waits any more: what the server does not know yet is never sent, and a transaction is rolled back.
    const giveUp = () => release(true);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal.aborted) throw chatStoreError("ABORTED", "The operation was given up.");
      const answer = await work(client);
      release(false);
      return answer;
    } catch (error) {
      release(isFailure(error) && !isServersRefusal(error));
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}

/** Everything as text, whatever parsers a program has set for all of its pools. */
const types = { getTypeParser: () => (text: string) => text };

/** By callback: pg's promises keep what was answered alive until the next full garbage collection. */
function send(client: PostgresClientLike, text: string, values: unknown[] = [], name?: string): Promise<Result> {
  const query: PostgresQuery = { text, values, rowMode: "array", types };
  if (name !== undefined) query.name = name;
  return new Promise((resolve, reject) => {
    client.query(query, (error, result) => {
      if (error === null || error === undefined) {
        resolve({ rows: result.rows as Row[], count: result.rowCount ?? 0 });
        return;
      }
      failures.add(error);
      reject(error);
    });
  });
}

/** What the connection threw, as opposed to what a caller of it did. */
const failures = new WeakSet<object>();

function isFailure(error: unknown): boolean {
  return typeof error === "object" && error !== null && failures.has(error);
}

/** Refused in good order, after which the connection can be used; a FATAL one, or one of the network, ends it. */
function isServersRefusal(error: unknown): boolean {
  const { severity, code } = error as { severity?: unknown; code?: unknown };
  return severity === "ERROR" && typeof code === "string";
}

/**
 * What a pooler that knows nothing of names brings about, as it gives out another connection each time:
 * invalid_sql_statement_name, duplicate_prepared_statement. And feature_not_supported, when a table was changed so that
 * the answer would have another form. Nothing was done.
 */
function isUnprepared(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return isServersRefusal(error) && (code === "26000" || code === "42P05" || code === "0A000");
}

function ignore(): void {}
