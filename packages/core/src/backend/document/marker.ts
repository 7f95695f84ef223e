import type { Operation } from "../driver.js";

/** What a repeated operation answers; `"body"` stands for a removed message, which is not kept. */
export type KeptAnswer = number | boolean | "body" | null;

interface Remembered {
  id: string;
  fingerprint: string;
  answer: KeptAnswer;
}

/**
 * What our clients write into a document beside the history, where other programs ignore it, and drop it when they write.
 * It changes with every write of ours, so that it is the condition of the next one, and it says which operations are in.
 */
export interface Marker {
  /** Made with the document. */
  life: string;
  /** The last ones, newest last. */
  operations: readonly Remembered[];
  /** As it is stored. */
  text: string;
}

const remembered = 33;

export function nextMarker(marker: Marker | undefined, operation: Operation, answer: KeptAnswer): Marker {
  const life = marker?.life ?? crypto.randomUUID().slice(0, 13);
  const { id, fingerprint } = operation;
  const operations = [...(marker?.operations ?? []), { id, fingerprint, answer }].slice(-remembered);
  const text = JSON.stringify([life, ...operations.map((each) => [each.id, each.fingerprint, each.answer])]);
  return { life, operations, text };
}

/** Undefined when it is absent, or not of ours. */
export function parseMarker(text: string | undefined): Marker | undefined {
  if (text === undefined) return undefined;
  try {
    const [life, ...rest] = JSON.parse(text) as [string, ...[string, string, KeptAnswer][]];
    return { life, operations: rest.map(([id, fingerprint, answer]) => ({ id, fingerprint, answer })), text };
  } catch {
    return undefined;
  }
}

/** Whether every operation after an earlier marker is still among those of a later one. */
export function follows(later: Marker, earlier: Marker): boolean {
  const newest = earlier.operations.at(-1)?.id;
  return later.life === earlier.life && later.operations.some(({ id }) => id === newest);
}

/**
 * Whether the write that left a marker is among those of a later one: its operation, done to the same document and with the
 * same answer. Another process may have done a caller's operation to another document, or at another time.
 */
export function isIn(later: Marker | undefined, { life, operations }: Marker): boolean {
  const own = operations.at(-1);
  const at = later?.operations.findIndex(({ id }) => id === own?.id) ?? -1;
  if (later === undefined || at < 0 || later.life !== life) return false;
  return later.operations[at - 1]?.id === operations.at(-2)?.id && later.operations[at]?.answer === own?.answer;
}

export function findOperation(marker: Marker | undefined, { id }: Operation): Remembered | undefined {
  return marker?.operations.find((each) => each.id === id);
}
