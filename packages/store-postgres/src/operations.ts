import { createHash } from "node:crypto";
import { chatStoreError, type Operation } from "@chatkeep/chat-store-core/backend";

// A head remembers its last operations in a text of entries of one length, the newest first: `#`, a hash of the id, a hash
// of the fingerprint, and the answer. Hashes keep a head below the 2 KB from which Postgres would move it out of its row.

const idLength = 16;
const fingerprintLength = 8;
const answerLength = 16;
export const entryLength = 1 + idLength + fingerprintLength + answerLength;

/** One, and the 32 later mutations that it must be remembered for, and one. */
export const mostRemembered = 34;

/** What was answered: a number, the version at which a message was removed, or nothing. */
export type Remembered = { count: number } | { removedAt: string } | undefined;

/** By which an operation is found among those of a head. */
export function markerOf({ id }: Operation): string {
  return `#${hash(id, idLength)}`;
}

/** An entry, to which the answer is still to be written. */
export function openEntry(operation: Operation): string {
  return markerOf(operation) + hash(operation.fingerprint, fingerprintLength);
}

/** An entry of an operation that answers nothing, or this number. */
export function entryOf(operation: Operation, count?: number): string {
  return (openEntry(operation) + (count ?? "")).padEnd(entryLength);
}

/** What is remembered of an operation; `CONFLICT` when its id was another one's. */
export function recall(operations: string, operation: Operation): Remembered {
  const start = operations.indexOf(markerOf(operation));
  const entry = operations.slice(start, start + entryLength);
  if (!entry.startsWith(openEntry(operation))) {
    throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
  }
  const answer = entry.slice(-answerLength).trimEnd();
  if (answer === "") return undefined;
  return answer.startsWith("m") ? { removedAt: answer.slice(1) } : { count: Number(answer) };
}

function hash(text: string, length: number): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, length);
}
