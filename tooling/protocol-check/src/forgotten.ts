import type { Call } from "@chatkeep/chat-store-conformance";

/**
 * What documents can't tell of callers' operations. A layout that keeps them in the document promises no more than it can: an
 * operation that comes again when the document has been deleted is a new one, and so is one that found no document to be in.
 */
export class Forgotten {
  /** When a document ceased to tell of an operation. */
  readonly #moments = new Map<string, number[]>();
  /** Since when there has been a document, or none, by turns; none in the beginning. */
  readonly #turns = new Map<string, number[]>();

  /** Whatever it knows of was before all that this one will. */
  take(earlier: Forgotten): void {
    for (const [key, turns] of earlier.#turns) this.#turns.set(key, turns.length % 2 === 0 ? [] : [0]);
  }

  /** There is a document now, or none any more. */
  noteDocument(key: string, isThere: boolean, moment: number): void {
    const turns = this.#turns.get(key) ?? [];
    if ((turns.length % 2 === 1) !== isThere) this.#turns.set(key, [...turns, moment]);
  }

  /** What a key's document tells of operations has changed. */
  noteMarker(key: string, before: string | undefined, after: string | undefined, moment: number): void {
    const told = new Set(idsIn(before));
    const ids = idsIn(after);
    for (const id of told) {
      if (ids.includes(id)) continue;
      const name = `${key} ${id}`;
      this.#moments.set(name, [...(this.#moments.get(name) ?? []), moment]);
    }
    // Somebody who had read them before has written them down again. The last one is new.
    for (const id of ids.slice(0, -1)) if (!told.has(id)) this.#moments.get(`${key} ${id}`)?.pop();
  }

  /** Calls as what they may be: with one id, those between two moments at which it was forgotten are one operation. */
  judged(calls: readonly Call[]): Call[] {
    return calls.flatMap((call) => {
      const { client, key, action, start, end = Number.POSITIVE_INFINITY, outcome, answer } = call;
      if (call.operationId === undefined || outcome === "refused") return call;
      if ((answer !== null && answer !== 0) || !this.#mayBeNone(key, start, end)) return this.#copies(call);
      const { operationId, ...alone } = call;
      return [alone, ...this.#copies({ client, key, action, start, outcome: "unknown", operationId })];
    });
  }

  #copies(call: Call): Call[] {
    const { client, key, action, operationId, start, end = start, outcome } = call;
    const moments = this.#moments.get(`${key} ${operationId}`);
    if (moments === undefined || moments.length === 0) return [call];
    const until = outcome === "ok" ? end : Number.POSITIVE_INFINITY;
    const bounds = [0, ...moments, Number.POSITIVE_INFINITY];
    return bounds.slice(1).flatMap((next, i): Call[] => {
      const from = bounds[i] ?? 0;
      if (start > next || until < from) return [];
      const id = `${operationId}, ${i}`;
      if (start >= from && until <= next) return [{ ...call, operationId: id }];
      return [{ client, key, action, start: Math.max(start, from), outcome: "unknown", operationId: id }];
    });
  }

  /** Whether there was no document at some time between two moments. */
  #mayBeNone(key: string, start: number, end: number): boolean {
    const turns = [0, ...(this.#turns.get(key) ?? []), Number.POSITIVE_INFINITY];
    return turns.some((from, i) => i % 2 === 0 && from <= end && (turns[i + 1] ?? from) >= start);
  }
}

/** The ids in a marker, as it is stored. */
function idsIn(marker: string | undefined): string[] {
  if (marker === undefined || marker === "") return [];
  const [, ...operations] = JSON.parse(marker) as [string, ...[string][]];
  return operations.map(([id]) => id);
}
