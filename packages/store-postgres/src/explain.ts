import type { Failure } from "@chatkeep/chat-store-core/backend";
import { NotConnected } from "./database.js";
import type { Settings } from "./options.js";

/** What an error of pg looks like, as far as it is looked at: SQLSTATE or the system's code. */
interface PgError {
  code?: unknown;
  message?: unknown;
  severity?: unknown;
}

const asPgError = (error: unknown): PgError => (typeof error === "object" && error !== null ? error : {});

/** Somebody else was at the same rows, and this transaction was rolled back: serialization_failure, deadlock_detected. */
export function isContention(error: unknown): boolean {
  const { code } = asPgError(error);
  return code === "40001" || code === "40P01";
}

/** read_only_sql_transaction, insufficient_privilege */
export function mayNotWrite(error: unknown): boolean {
  const { code } = asPgError(error);
  return code === "25006" || code === "42501";
}

/** Others were making the same tables: unique_violation in a catalog, duplicate_table and the like, and what is contention. */
export function isSetUpRace(error: unknown): boolean {
  const { code, message } = asPgError(error);
  const concurrent = code === "XX000" && /concurrently/.test(String(message));
  return isContention(error) || concurrent || ["23505", "42P06", "42P07", "42710"].includes(String(code));
}

type Explained = readonly [message: string, kind: "retry" | "final" | "misconfigured"];

/** By SQLSTATE (documentation, appendix A), or by its class. */
const byState: Readonly<Record<string, Explained>> = {
  "40001": ["Others were changing the same conversation. Try again.", "retry"],
  "40P01": ["Postgres found a deadlock and gave this operation up. Try again.", "retry"],
  "55P03": ["Another transaction holds the conversation for longer than lock_timeout allows. Try again.", "retry"],
  "57014": ["Postgres gave the statement up: statement_timeout was reached, or somebody cancelled it.", "retry"],
  "25P03": ["Postgres ended the connection: it was idle in a transaction for too long.", "retry"],
  "25006": [
    "This Postgres only reads: it is a standby, or read-only by its settings. Connect to the primary.",
    "retry",
  ],
  "57P01": ["The connection was ended by an administrator or a shutdown.", "retry"],
  "57P02": ["Postgres crashed and restarts.", "retry"],
  "57P03": ["Postgres is starting up or shutting down.", "retry"],
  "57P04": ["The database was dropped.", "retry"],
  "53100": ["Postgres's disk is full. Nothing was written.", "final"],
  "53200": ["Postgres is out of memory.", "retry"],
  "53300": ["Postgres has no connection left. Use a pooler, a smaller `max`, or raise max_connections.", "retry"],
  "28P01": ["Postgres refuses the password. Check user and password.", "misconfigured"],
  "28000": ["Postgres refuses the user or the connection. Check user, database, ssl and pg_hba.conf.", "misconfigured"],
  "3D000": ["There is no such database. Check `database`, or make it.", "misconfigured"],
  "22021": ["The encoding of the database has no room for this text. Its encoding must be UTF8.", "misconfigured"],
  "22P05": ["The encoding of the database has no room for this text. Its encoding must be UTF8.", "misconfigured"],
};

/** What an error of pg means, for these tables. No text of the server's own is passed on: it may quote content. */
export function explainer({ layout, tables, dataTables }: Settings): (error: unknown) => Failure {
  const [schema, table] =
    layout === "chatkeep" ? [tables.schema, tables.messages] : [dataTables.schema, dataTables.prefixed];
  const where = `${JSON.stringify(table)} in schema ${JSON.stringify(schema)}`;
  return (error) => {
    if (error instanceof NotConnected) return { ...classify(error.reason, where, false), outcome: "not-applied" };
    const failure = classify(error, where, true);
    // Only an ERROR says that the transaction was rolled back. What ends the connection may come after a commit.
    return asPgError(error).severity === "ERROR" ? failure : { ...failure, outcome: "unknown" };
  };
}

function classify(thrown: unknown, where: string, sent: boolean): Failure {
  const error = asPgError(thrown);
  const code = typeof error.code === "string" ? error.code : "";
  const text = String(error.message ?? "");
  const known = byState[code];
  if (known !== undefined) return failure(known);
  if (/^[0-9A-Z]{5}$/.test(code) && error.severity !== undefined) return ofClass(code, where);

  if (sent) return failure(["The connection to Postgres broke, or no answer came in time.", "retry"]);
  if (/^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)$/.test(code)) {
    return failure([`Postgres can't be reached (${code}). Check host, port and network.`, "retry"]);
  }
  if (/certificate|self.signed|TLS|CERT|SSL/i.test(`${code} ${text}`)) {
    return misconfigured(
      "No TLS connection came about: the server has none, requires it, or has a certificate that is not trusted. Check `ssl`.",
    );
  }
  if (/SASL|password/i.test(text)) return misconfigured("Postgres asks for a password. Give `password`.");
  if (/after calling end on the pool/i.test(text)) return misconfigured("The pool was ended. Hand in another.");
  return failure(["No connection to Postgres came about in time, or it broke. Check the network and `max`.", "retry"]);
}

function ofClass(code: string, where: string): Failure {
  if (code === "42P01" || code === "3F000") {
    return misconfigured(
      `There is no ${where}, or not all that belongs to it. Make the tables with \`await store.setup()\` or schema.sql.`,
    );
  }
  if (code === "42501") {
    return misconfigured(
      `The user lacks a right on ${where}, or what belongs to it. See the README for the grants that are needed.`,
    );
  }
  if (/^42|^22/.test(code)) {
    return misconfigured(
      `The table ${where}, or what belongs to it, is not as this version needs it (SQLSTATE ${code}). Call \`await store.setup()\`.`,
    );
  }
  if (code.startsWith("54")) {
    const message = "The conversation or the message is larger than Postgres can hold here. Write less at a time.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "not-applied", retry: false };
  }
  // Poolers speak in class 08 when they have no connection, or lost it.
  if (code.startsWith("08")) return failure(["The way to Postgres broke, or a pooler on it gave up.", "retry"]);
  return failure([`Postgres refused the operation (SQLSTATE ${code}).`, "final"]);
}

function failure([message, kind]: Explained): Failure {
  if (kind === "misconfigured") return misconfigured(message);
  return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: kind === "retry" };
}

function misconfigured(message: string): Failure {
  return { code: "MISCONFIGURED", message, outcome: "not-applied", retry: false };
}
