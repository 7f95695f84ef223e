import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { chatStoreError } from "@chatkeep/chat-store-core/backend";
import type { PostgresClientLike, PostgresPoolLike } from "./pool.js";

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
 * Statements over a pool, as poolers by transaction can take them: unnamed, nothing set on a session, and never more than
 * one connection for a call.
 */
export class Database {
  readonly #pool: PostgresPoolLike;

  constructor(pool: PostgresPoolLike) {
    this.#pool = pool;
  }

  /** One statement, which is a transaction of its own: one round trip. */
  run(signal: AbortSignalLike, text: string, values: unknown[] = []): Promise<Result> {
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

async function send(client: PostgresClientLike, text: string, values: unknown[] = []): Promise<Result> {
  const { rows, rowCount } = await client.query({ text, values, rowMode: "array", types }).catch(rejected);
  return { rows: rows as Row[], count: rowCount ?? 0 };
}

/** What the connection threw, as opposed to what a caller of it did. */
const failures = new WeakSet<object>();

function rejected(error: unknown): never {
  if (typeof error === "object" && error !== null) failures.add(error);
  throw error;
}

function isFailure(error: unknown): boolean {
  return typeof error === "object" && error !== null && failures.has(error);
}

/** Refused in good order, after which the connection can be used; a FATAL one, or one of the network, ends it. */
function isServersRefusal(error: unknown): boolean {
  const { severity, code } = error as { severity?: unknown; code?: unknown };
  return severity === "ERROR" && typeof code === "string";
}

function ignore(): void {}
