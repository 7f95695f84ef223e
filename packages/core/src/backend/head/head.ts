import type { Payload } from "../../messages/codec.js";
import type { Operation } from "../driver.js";
import { type Address, countOf, type Piece, positionOf, splice } from "./pieces.js";
import type { StoredHead } from "./port.js";

/** A mutation that was applied. */
export interface AppliedOperation {
  id: string;
  /** Only of an id that a caller chose; of one of the store's own, its last characters stand for it. */
  fingerprint?: string | undefined;
  /** What it answered: the address of a message, or a number. */
  answer?: Address | number | undefined;
}

/** A conversation: the history as a list of pieces, and what a writer must know. */
export interface Head {
  /** Rises by one with each write. */
  version: number;
  /** Made at random when the head is created: rows of another incarnation are never meant. */
  incarnation: string;
  /** The next sequence number of a message of this incarnation; none is used twice. */
  next: number;
  pieces: Piece[];
  /** Messages of this incarnation whose rows need not be there yet: sequence number and payload, rising. */
  tail: (readonly [index: number, payload: Payload])[];
  /** The last mutations, oldest first. */
  operations: AppliedOperation[];
  /** Staged sets numbered below it may have been collected, and can't be shown any more. */
  watermark: number;
  expiresAt: number | undefined;
  writtenAt: number;
}

export function newHead(incarnation: string): Head {
  return {
    version: 0,
    incarnation,
    next: 0,
    pieces: [],
    tail: [],
    operations: [],
    watermark: 0,
    expiresAt: undefined,
    writtenAt: 0,
  };
}

export function isExpired({ expiresAt, pieces }: Head, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now && pieces.length > 0;
}

/** The same head without messages. */
export function emptied(head: Head): Head {
  return { ...head, pieces: [], tail: [] };
}

/**
 * The history with messages from `position` on taken out and others put in. A message that is no longer in the history
 * leaves the tail as well.
 */
export function edited(head: Head, position: number, removed: number, inserted: readonly Piece[]): Head {
  const pieces = splice(head.pieces, position, removed, inserted);
  const tail =
    removed === 0 ? head.tail : head.tail.filter(([index]) => positionOf(pieces, { source: "", index }) !== undefined);
  return { ...head, pieces, tail };
}

/** Takes messages into the tail, and answers the piece that they are. */
export function withTail(head: Head, payloads: readonly Payload[]): { head: Head; piece: Piece } {
  const first = head.next;
  const tail = [...head.tail, ...payloads.map((payload, i) => [first + i, payload] as const)];
  const next = first + payloads.length;
  return { head: { ...head, next, tail }, piece: ["", first, next] };
}

/** The characters of one of the store's own ids that are kept: 48 bits of chance, looked at when a write is repeated. */
const keptCharacters = 8;

function keptId({ id, fromCaller }: Operation): string {
  return fromCaller ? id : id.slice(-keptCharacters);
}

export function findOperation(head: Head, operation: Operation): AppliedOperation | undefined {
  const id = keptId(operation);
  return head.operations.find(
    (applied) => applied.id === id && (applied.fingerprint !== undefined) === operation.fromCaller,
  );
}

/** Remembers an operation as one of the last `remembered`. */
export function withOperation(
  head: Head,
  operation: Operation,
  answer: Address | number | undefined,
  remembered: number,
): Head {
  const applied: AppliedOperation = operation.fromCaller
    ? { id: operation.id, fingerprint: operation.fingerprint, answer }
    : { id: keptId(operation) };
  return { ...head, operations: [...head.operations, applied].slice(-remembered) };
}

/** Whether a message is in the history, or is the answer to a mutation that may be repeated. */
export function namedBy(head: Head | undefined): (incarnationOrStage: string, index: number) => boolean {
  if (head === undefined) return () => false;
  const source = (name: string) => (name === head.incarnation ? "" : name);
  const answers = head.operations.flatMap(({ answer }) => (typeof answer === "object" ? [answer] : []));
  return (name, index) => {
    const address = { source: source(name), index };
    return (
      positionOf(head.pieces, address) !== undefined ||
      answers.some((answer) => answer.source === address.source && answer.index === index)
    );
  };
}

/** The row source of an address. */
export function rowSource(head: Head, source: string): string {
  return source === "" ? head.incarnation : source;
}

// A head as text, short, since services charge for every kilobyte of each write.

type StoredAnswer = number | readonly [source: string, index: number] | null;
/** Ids of the store's own, one behind the other, or an operation of a caller's. */
type StoredOperation = string | readonly [id: string, fingerprint: string, answer: StoredAnswer];

interface StoredText {
  /** Format. */
  f: 1;
  v: number;
  i: string;
  n: number;
  p: readonly Piece[];
  t: Head["tail"];
  o: readonly StoredOperation[];
  w: number;
}

export function encodeHead(head: Head, token: string): StoredHead {
  const text: StoredText = {
    f: 1,
    v: head.version,
    i: head.incarnation,
    n: head.next,
    p: head.pieces,
    t: head.tail,
    o: encodeOperations(head.operations),
    w: head.watermark,
  };
  return {
    token,
    count: countOf(head.pieces),
    expiresAt: head.pieces.length > 0 ? head.expiresAt : undefined,
    writtenAt: head.writtenAt,
    text: JSON.stringify(text),
  };
}

export function decodeHead(stored: StoredHead): Head {
  const { v, i, n, p, t, o, w } = JSON.parse(stored.text) as StoredText;
  return {
    version: v,
    incarnation: i,
    next: n,
    pieces: [...p],
    tail: t,
    operations: o.flatMap(decodeOperations),
    watermark: w,
    expiresAt: stored.expiresAt,
    writtenAt: stored.writtenAt,
  };
}

function encodeOperations(operations: readonly AppliedOperation[]): StoredOperation[] {
  const stored: StoredOperation[] = [];
  for (const { id, fingerprint, answer } of operations) {
    const last = stored.at(-1);
    if (fingerprint !== undefined) {
      stored.push([id, fingerprint, typeof answer === "object" ? [answer.source, answer.index] : (answer ?? null)]);
    } else if (typeof last === "string") stored[stored.length - 1] = last + id;
    else stored.push(id);
  }
  return stored;
}

function decodeOperations(stored: StoredOperation): AppliedOperation | AppliedOperation[] {
  if (typeof stored === "string") {
    return Array.from({ length: stored.length / keptCharacters }, (_, i) => ({
      id: stored.slice(i * keptCharacters, (i + 1) * keptCharacters),
    }));
  }
  const [id, fingerprint, answer] = stored;
  if (answer === null) return { id, fingerprint };
  return { id, fingerprint, answer: typeof answer === "number" ? answer : { source: answer[0], index: answer[1] } };
}

/** Messages of a head that no row holds for sure. */
export function tailPayload(head: Head, { source, index }: Address): Payload | undefined {
  return source === "" ? head.tail.find(([tailIndex]) => tailIndex === index)?.[1] : undefined;
}
