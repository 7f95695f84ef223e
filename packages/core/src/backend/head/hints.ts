import { RecentMap } from "../recent-map.js";
import { decodeHead, type Head } from "./head.js";
import type { StoredHead } from "./port.js";

/** A head as this process last saw it. */
export interface Known {
  /** Undefined when there is no head. */
  token: string | undefined;
  head: Head | undefined;
}

export function known(stored: StoredHead | undefined): Known {
  return { token: stored?.token, head: stored && decodeHead(stored) };
}

const remembered = 1_000;
const noRows: ReadonlySet<number> = new Set();

/** The heads that this process used last. A wrong one costs a request and nothing else. */
export class Hints {
  readonly #hints = new RecentMap<{ known: Known; rowsPut: ReadonlySet<number> }>(remembered);

  get(key: string): Known | undefined {
    return this.#hints.get(key)?.known;
  }

  set(key: string, known: Known): void {
    const rowsPut = known.head === undefined ? noRows : this.rowsPut(key, known.head);
    if (known.head === undefined) this.#hints.delete(key);
    else this.#hints.set(key, { known, rowsPut });
  }

  forget(key: string): void {
    this.#hints.delete(key);
  }

  /** Messages of the head's incarnation whose rows this process has written: once written they stay, while they are needed. */
  rowsPut(key: string, { incarnation }: Head): ReadonlySet<number> {
    const hint = this.#hints.get(key);
    return hint?.known.head?.incarnation === incarnation ? hint.rowsPut : noRows;
  }

  /** Notes that rows of a head's tail are written. */
  notePut(key: string, head: Head, rows: readonly number[]): void {
    const hint = this.#hints.get(key);
    if (hint?.known.head?.incarnation !== head.incarnation) return;
    const [oldest = head.next] = hint.known.head.tail.map(([index]) => index);
    hint.rowsPut = new Set([...hint.rowsPut, ...rows].filter((row) => row >= oldest));
  }
}
