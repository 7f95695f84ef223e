import { hash } from "node:crypto";
import { chatStoreError, MaybeForgotten, type Operation } from "@chatkeep/chat-store-core/backend";

// A head remembers its last operations in a text of entries of one length, the newest first: `#`, a hash of the id, a hash
// of the fingerprint, the answer, and the server's time, which the statement adds. Hashes keep a head below the 2 KB from
// which Postgres would move it out of its row.

const idLength = 12;
const fingerprintLength = 6;
const answerLength = 12;
const describedLength = 1 + idLength + fingerprintLength + answerLength;
/** Milliseconds since 1970 in hexadecimal: as many digits from 2004 to 2527. */
export const timeLength = 11;
export const entryLength = describedLength + timeLength;

/** One, and the 32 later mutations that it must be remembered for, and one. */
export const mostRemembered = 34;

/** What was answered: a number, the version at which a message was removed, or nothing. */
export type Remembered = { count: number } | { removedAt: string } | undefined;

/** By which an operation is found among those of a head: what its entry begins with. */
export function markerOf(entry: string): string {
  return entry.slice(0, 1 + idLength);
}

/** An entry, to which the answer and the time are still to be written. */
export function openEntry({ id, fingerprint }: Operation): string {
  return `#${hashOf(id, idLength)}${fingerprintOf(fingerprint)}`;
}

/** An entry of an operation that answers nothing, or this number, without the time. */
export function entryOf(operation: Operation, count?: number): string {
  return (openEntry(operation) + (count ?? "")).padEnd(describedLength);
}

/** As the times of entries are written. */
export function timeText(milliseconds: number): string {
  return Math.max(0, Math.floor(milliseconds)).toString(16).padStart(timeLength, "0");
}

/** What is remembered of an operation; `CONFLICT` when its id was another one's. */
export function recall(operations: string, operation: Operation): Remembered {
  const beginning = openEntry(operation);
  const start = operations.indexOf(markerOf(beginning));
  if (start === -1) throw new MaybeForgotten();
  const entry = operations.slice(start, start + entryLength);
  if (!entry.startsWith(beginning)) {
    throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
  }
  const answer = entry.slice(beginning.length, describedLength).trimEnd();
  if (answer === "") return undefined;
  return answer.startsWith("m") ? { removedAt: answer.slice(1) } : { count: Number(answer) };
}

/** Hashes of the fingerprints that are one letter, as those of the store's own ids are. */
const ofLetters = new Map<string, string>();

function fingerprintOf(fingerprint: string): string {
  const known = ofLetters.get(fingerprint) ?? hashOf(fingerprint, fingerprintLength);
  if (fingerprint.length === 1) ofLetters.set(fingerprint, known);
  return known;
}

function hashOf(text: string, length: number): string {
  return hash("sha256", text, "base64url").slice(0, length);
}
