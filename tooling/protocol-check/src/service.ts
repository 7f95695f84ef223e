import type { PortLimits, Row, RowAddress, StoredHead, Tuning } from "@chatkeep/chat-store-core/backend";
import { checkHead, type HeadText, headTextOf } from "./invariants.js";
import type { Stored } from "./world.js";

/** Heads and rows. Every method is one atomic step. */
export class Service implements Stored {
  readonly heads = new Map<string, StoredHead>();
  readonly rows = new Map<string, Map<string, Row>>();
  /** In milliseconds. */
  clock = 1_000_000_000;
  moment = 0;
  /** What heads and rows must be like at any time; not looked at when absent. */
  readonly rules: Rules | undefined;
  readonly #texts = new Map<string, HeadText>();
  readonly #places = new Map<string, number>();

  constructor(rules?: Rules) {
    this.rules = rules;
  }

  take(other: Service): void {
    for (const [key, head] of other.heads) this.heads.set(key, head);
    for (const [key, of] of other.rows) this.rows.set(key, new Map(of));
    for (const [name, place] of other.#places) this.#places.set(name, place);
    this.clock = other.clock;
  }

  cas(key: string, head: StoredHead, expected: string | undefined, rows: readonly Row[]): boolean {
    const before = this.heads.get(key);
    if (before?.token !== expected) return false;
    for (const row of rows) this.put(key, row);
    if (this.rules !== undefined) {
      checkHead(head, before && this.textOf(before), this.rules, (source, index) => this.#isWhole(key, source, index));
    }
    this.heads.set(key, head);
    return true;
  }

  deleteHead(key: string, expected: string): boolean {
    if (this.heads.get(key)?.token !== expected) return false;
    return this.heads.delete(key);
  }

  put(key: string, row: Row): void {
    const rows = this.rows.get(key) ?? new Map<string, Row>();
    this.rows.set(key, rows);
    const name = nameOf(row);
    const there = rows.get(name);
    // What the whole protocol rests on: a row has one content, whoever writes it and however late.
    if (there !== undefined && (there.body !== row.body || there.origin !== row.origin)) {
      throw new BrokenRule(`Row ${name} was written with two contents.`);
    }
    if (this.rules !== undefined && byteLength(row.body) > this.rules.limits.rowBytes) {
      throw new BrokenRule(`Row ${name} has more than ${this.rules.limits.rowBytes} bytes.`);
    }
    rows.set(name, row);
    if (!this.#places.has(name)) this.#places.set(name, this.#places.size + 1);
  }

  delete(key: string, address: RowAddress): void {
    const head = this.heads.get(key);
    if (this.rules !== undefined && head !== undefined && this.textOf(head).names(address.source, address.index)) {
      throw new BrokenRule(`Row ${nameOf(address)} was deleted although the head names it.`);
    }
    this.rows.get(key)?.delete(nameOf(address));
  }

  rowsOf(key: string): Row[] {
    return [...(this.rows.get(key)?.values() ?? [])];
  }

  /** Where a row stands in a listing: for good, and the same in each run, as its name with its part of chance is not. */
  placeOf(row: RowAddress): number {
    return this.#places.get(nameOf(row)) ?? 0;
  }

  textOf(head: StoredHead): HeadText {
    const known = this.#texts.get(head.token);
    if (known !== undefined) return known;
    const text = headTextOf(head);
    this.#texts.set(head.token, text);
    return text;
  }

  #isWhole(key: string, source: string, index: number): boolean {
    const rows = this.rows.get(key);
    const first = rows?.get(nameOf({ source, index, part: 0 }));
    if (rows === undefined || first === undefined) return false;
    for (let part = 1; part < first.parts; part++) if (!rows.has(nameOf({ source, index, part }))) return false;
    return true;
  }
}

/** The numbers by which heads and rows are judged. */
export interface Rules {
  limits: PortLimits;
  tuning: Pick<Tuning, "tailEntries" | "rememberedOperations">;
}

/** Something that no client may notice, but that must never be. */
export class BrokenRule extends Error {}

function nameOf({ source, index, part }: RowAddress): string {
  return `${source}/${index}/${part}`;
}

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}
