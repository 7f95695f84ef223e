import { chatStoreError } from "../errors.js";
import type { Operation } from "./driver.js";

/** Base64url's characters in the order of ASCII, so that ids sort by their time. */
const alphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const codes = Uint8Array.from(alphabet, (char) => char.charCodeAt(0));

/** The random part of an id, in characters. */
const chance = 12;
/** Drawn for many ids at once: drawing for each costs more than all the rest of a call. */
const pool = new Uint8Array(chance * 256);
let drawn = "";
let used = 0;
/** The part that all ids of a millisecond have in common. */
let millisecond = -1;
let time = "";

/** 8 characters of time and 12 of chance: unique, and sorted by time as far as clocks agree. */
export function newOperationId(): string {
  if (used === drawn.length) {
    if (globalThis.crypto === undefined) {
      throw chatStoreError("UNSUPPORTED", "There is no `crypto` here: Chatkeep takes Node 20.19 or newer.");
    }
    crypto.getRandomValues(pool);
    for (let i = 0; i < pool.length; i++) pool[i] = codes[(pool[i] as number) % 64] as number;
    drawn = String.fromCharCode(...pool);
    used = 0;
  }
  const now = Date.now();
  if (now !== millisecond) {
    millisecond = now;
    time = "";
    for (let rest = now, i = 0; i < 8; i++, rest = Math.floor(rest / 64)) time = alphabet.charAt(rest % 64) + time;
  }
  used += chance;
  return time + drawn.slice(used - chance, used);
}

/** What a mutation does, in one letter. */
export type OperationKind = "a" | "i" | "s" | "f" | "e" | "d" | "p" | "t";

/** Has its id when somebody asks for it: in memory nobody does. */
class OwnOperation implements Operation {
  readonly fromCaller = false;
  readonly fingerprint: OperationKind;
  #id: string | undefined;

  constructor(kind: OperationKind) {
    this.fingerprint = kind;
  }

  get id(): string {
    this.#id ??= newOperationId();
    return this.#id;
  }
}

/**
 * The operation of one call. An id of the store's own can't come back with other arguments, so only a caller's id pays
 * for a hash of them.
 */
export function newOperation(
  id: string | undefined,
  kind: OperationKind,
  number: number | undefined,
  payloads: readonly unknown[],
): Operation {
  if (id === undefined) return new OwnOperation(kind);
  const hash = hashText(JSON.stringify([number, payloads]));
  return { id, fingerprint: `${kind}${hash}`, fromCaller: true };
}

/** 64 bits of the text, in base 36. Tells texts apart that differ by accident, not ones that somebody made to collide. */
export function hashText(text: string): string {
  // FNV-1a of 32 bits, forwards and backwards.
  let forwards = 0x811c9dc5;
  let backwards = 0x811c9dc5;
  for (let i = 0, last = text.length - 1; i <= last; i++) {
    forwards = Math.imul(forwards ^ text.charCodeAt(i), 0x01000193);
    backwards = Math.imul(backwards ^ text.charCodeAt(last - i), 0x01000193);
  }
  return (forwards >>> 0).toString(36) + (backwards >>> 0).toString(36);
}
