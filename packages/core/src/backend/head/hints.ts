import { decodeHead, type Head } from "./head.js";
import type { StoredHead } from "./port.js";

/** A head as this process last saw it. */
export interface Known {
  /** Undefined when there is no head. */
  token: string | undefined;
  head: Head | undefined;
  /** Messages of the tail whose rows this process has written. */
  rowsPut: ReadonlySet<number>;
}

const noRows: ReadonlySet<number> = new Set();

export const absent: Known = { token: undefined, head: undefined, rowsPut: noRows };

export function known(stored: StoredHead | undefined, earlier?: Known): Known {
  if (stored === undefined) return absent;
  const head = decodeHead(stored);
  // Rows stay written, as long as it is the same incarnation.
  const rowsPut = earlier?.head?.incarnation === head.incarnation ? earlier.rowsPut : noRows;
  return { token: stored.token, head, rowsPut };
}

const remembered = 1_000;

/** The heads that this process used last. A wrong one costs a request and nothing else. */
export class Hints {
  readonly #heads = new Map<string, Known>();

  get(key: string): Known | undefined {
    return this.#heads.get(key);
  }

  set(key: string, head: Known): void {
    this.#heads.delete(key);
    if (head.head !== undefined) this.#heads.set(key, head);
    const oldest = this.#heads.keys().next();
    if (this.#heads.size > remembered && !oldest.done) this.#heads.delete(oldest.value);
  }

  forget(key: string): void {
    this.#heads.delete(key);
  }

  /** Notes that rows of the tail are written, unless the head was created anew meanwhile. */
  notePut(key: string, incarnation: string, rows: readonly number[]): void {
    const hint = this.#heads.get(key);
    if (hint?.head?.incarnation !== incarnation) return;
    const inTail = new Set(hint.head.tail.map(([index]) => index));
    const rowsPut = new Set([...hint.rowsPut, ...rows].filter((row) => inTail.has(row)));
    this.#heads.set(key, { ...hint, rowsPut });
  }
}
