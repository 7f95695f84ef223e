import type { DocumentChange, StoredDocument } from "@chatkeep/chat-store-core/backend";
import { Forgotten } from "./forgotten.js";
import { BrokenRule } from "./service.js";
import type { Stored } from "./world.js";

export type Document = StoredDocument<string>;

/** Documents by key. Every method is one atomic step. */
export class DocumentService implements Stored {
  clock = 1_000_000_000;
  moment = 0;
  readonly documents = new Map<string, Document>();
  readonly forgotten = new Forgotten();
  /** Conversations that were prolonged by a write which was sent before they expired and came after. */
  readonly prolongedLate = new Set<string>();
  /** When each operation was first sent, by its marker's last id. */
  readonly #firstSent = new Map<string, number>();

  take(other: this): void {
    this.forgotten.take(other.forgotten);
    this.documents.clear();
    for (const [key, document] of other.documents) this.documents.set(key, document);
    this.clock = other.clock;
  }

  noteSent(marker: string): void {
    const id = lastIdIn(marker);
    if (!this.#firstSent.has(id)) this.#firstSent.set(id, this.clock);
  }

  /** `goesOn`: whether it is a part that changes, and not all of it. */
  put(key: string, document: Document, goesOn: boolean): void {
    const { items = [], expiresAt } = this.documents.get(key) ?? {};
    const keeps = goesOn || document.items.some((item) => items.includes(item));
    if (expiresAt !== undefined && expiresAt <= this.clock && keeps) {
      const sent = this.#firstSent.get(lastIdIn(document.marker ?? ""));
      if (sent === undefined || sent >= expiresAt) throw new BrokenRule(`${key} has expired, and was gone on with.`);
      this.prolongedLate.add(key);
    }
    this.#set(key, document);
  }

  /** What another program writes. */
  seed(key: string, items: readonly string[]): void {
    this.#set(key, { items, marker: undefined, expiresAt: undefined });
  }

  delete(key: string): void {
    this.#set(key, undefined);
  }

  /** What somebody takes for expired: a client, or the service itself. */
  deleteExpired(key: string, expiresAt: number): boolean {
    if (this.documents.get(key)?.expiresAt !== expiresAt) return false;
    if (expiresAt > this.clock) throw new BrokenRule(`${key} was deleted before it expired.`);
    this.delete(key);
    return true;
  }

  #set(key: string, document: Document | undefined): void {
    const moment = ++this.moment;
    this.forgotten.noteDocument(key, document !== undefined, moment);
    this.forgotten.noteMarker(key, this.documents.get(key)?.marker, document?.marker, moment);
    if (document === undefined) this.documents.delete(key);
    else this.documents.set(key, document);
  }
}

/** A change, as a service does it that is sent no more than what changes. */
export function changed(items: readonly string[], change: Exclude<DocumentChange<string>, { kind: "set" }>): string[] {
  switch (change.kind) {
    case "append":
      return [...items, ...change.items];
    case "put":
      if (change.index >= items.length) throw new BrokenRule("a message put behind the end");
      return items.with(change.index, change.item);
    case "remove":
      if (change.from + change.count > items.length) throw new BrokenRule("messages removed behind the end");
      return items.toSpliced(change.from, change.count);
  }
}

function lastIdIn(marker: string): string {
  const operations = JSON.parse(marker || "[]") as [string, ...[string][]];
  return String(operations.at(-1)?.[0]);
}
