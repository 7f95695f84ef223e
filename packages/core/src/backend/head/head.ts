import type { Payload } from "../../messages/codec.js";
import type { Operation } from "../driver.js";
import { type Address, addressesOf, countOf, type Piece, positionOf, splice } from "./pieces.js";
import type { StoredHead } from "./port.js";

/** A mutation that was applied. */
export interface AppliedOperation {
  id: string;
  /** Only of an id that a caller chose; of one of the store's own, its last characters stand for it. */
  fingerprint?: string | undefined;
  /** What it answered: the address of a message, or a number. */
  answer?: Address | number | undefined;
}

/** Messages that get copies, so that pieces which lie side by side become one. */
export interface Copying {
  /** The index of the first copy; the others follow in the order of the pieces. */
  first: number;
  pieces: readonly Piece[];
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
  /** The next index of a copy of this incarnation; none is used twice. */
  copied: number;
  /** Copies that are being written: anybody may write them, and name them when they are there. */
  copying: Copying | undefined;
  /** Staged sets numbered below it may have been collected, and can't be shown any more. */
  watermark: number;
  /** Writes since the last collection that may have left rows behind which no head names. */
  litter: number;
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
    copied: 0,
    copying: undefined,
    watermark: 0,
    litter: 0,
    expiresAt: undefined,
    writtenAt: 0,
  };
}

export function isExpired({ expiresAt, pieces }: Head, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now && pieces.length > 0;
}

/** The same head without messages. */
export function emptied(head: Head): Head {
  return { ...head, pieces: [], tail: [], copying: undefined };
}

/**
 * The history with messages from `position` on taken out and others put in. A message that is no longer in the history
 * leaves the tail as well.
 */
export function edited(head: Head, position: number, removed: number, inserted: readonly Piece[]): Head {
  return withPieces(head, splice(head.pieces, position, removed, inserted));
}

/** The same messages, or some of them, at other addresses; what they no longer need goes. */
export function withPieces(head: Head, pieces: Piece[]): Head {
  const isThere = (address: Address) => positionOf(pieces, address) !== undefined;
  const tail = head.tail.filter(([index]) => isThere({ source: "", index }));
  const { copying } = head;
  const stillNeeded = copying !== undefined && addressesOf(copying.pieces).some(isThere);
  return { ...head, pieces, tail, copying: stillNeeded ? copying : undefined };
}

/** Takes messages into the tail, and answers the piece that they are. */
export function withTail(head: Head, payloads: readonly Payload[]): { head: Head; piece: Piece } {
  const first = head.next;
  const tail = [...head.tail, ...payloads.map((payload, i) => [first + i, payload] as const)];
  const next = first + payloads.length;
  return { head: { ...head, next, tail }, piece: ["", first, next] };
}

/** The characters of one of the store's own ids that are kept: 42 bits of chance, looked at only when a write is repeated. */
const keptCharacters = 7;

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

/** Whether a row is of a message in the history, of a copy that is being made, or the answer to a mutation that may be repeated. */
export function namedBy(head: Head | undefined): (rowSource: string, index: number) => boolean {
  if (head === undefined) return () => false;
  const answers = head.operations.flatMap(({ answer }) => (typeof answer === "object" ? [answer] : []));
  const named = head.copying === undefined ? head.pieces : [...head.pieces, pieceOfCopies(head.copying)];
  return (source, index) => {
    const address = { source: headSource(head, source), index };
    return (
      positionOf(named, address) !== undefined ||
      answers.some((answer) => answer.source === address.source && answer.index === index)
    );
  };
}

/** The source of an incarnation's copies, in a piece. */
export const copies = "c";

export function pieceOfCopies({ first, pieces }: Copying): Piece {
  return [copies, first, first + countOf(pieces)];
}

/** The row source of an address: its own incarnation and that one's copies have short names in a head. */
export function rowSource({ incarnation }: Head, source: string): string {
  if (source === "") return incarnation;
  return source === copies ? copySource(incarnation) : source;
}

/** And back. */
export function headSource({ incarnation }: Head, source: string): string {
  if (source === incarnation) return "";
  return source === copySource(incarnation) ? copies : source;
}

/** Sorts before the incarnations, whose rows are the newest. */
function copySource(incarnation: string): string {
  return `${copies}${incarnation.slice(1)}`;
}

// A head as text, short, since services charge for every kilobyte of each write.

type StoredAnswer = number | readonly [source: string, index: number] | null;
/** Ids of the store's own, one behind the other, or an operation of a caller's. */
type StoredOperation = string | readonly [id: string, fingerprint: string, answer: StoredAnswer];

/** A payload is JSON: as a part of the text it takes fewer characters than as a string in it. */
type StoredPayload = string | object;

interface StoredText {
  v: number;
  i: string;
  n: number;
  p: readonly Piece[];
  // Absent when there is nothing to say.
  t?: (readonly [index: number, payload: StoredPayload])[];
  o?: readonly StoredOperation[];
  w?: number;
  c?: number;
  y?: readonly [first: number, ...pieces: Piece[]];
  l?: number;
}

export function encodeHead(head: Head, token: string): StoredHead {
  const text: StoredText = {
    v: head.version,
    i: head.incarnation,
    n: head.next,
    p: head.pieces,
    ...(head.tail.length === 0
      ? {}
      : { t: head.tail.map(([index, payload]) => [index, encodePayload(payload)] as const) }),
    ...(head.operations.length === 0 ? {} : { o: encodeOperations(head.operations) }),
    ...(head.watermark === 0 ? {} : { w: head.watermark }),
    ...(head.copied === 0 ? {} : { c: head.copied }),
    ...(head.copying === undefined ? {} : { y: [head.copying.first, ...head.copying.pieces] as const }),
    ...(head.litter === 0 ? {} : { l: head.litter }),
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
  const { v, i, n, p, t = [], o = [], w = 0, c = 0, y, l = 0 } = JSON.parse(stored.text) as StoredText;
  return {
    version: v,
    incarnation: i,
    next: n,
    pieces: [...p],
    tail: t.map(([index, payload]) => [index, decodePayload(payload)] as const),
    operations: o.flatMap(decodeOperations),
    copied: c,
    copying: y && { first: y[0], pieces: y.slice(1) as Piece[] },
    watermark: w,
    litter: l,
    expiresAt: stored.expiresAt,
    writtenAt: stored.writtenAt,
  };
}

function encodePayload(payload: Payload): StoredPayload {
  if (!payload.startsWith("{")) return payload;
  try {
    const value = JSON.parse(payload) as object;
    // Another writer's spaces, or numbers that JSON.parse changes, are kept as they are.
    return JSON.stringify(value) === payload ? value : payload;
  } catch {
    return payload;
  }
}

function decodePayload(payload: StoredPayload): Payload {
  return typeof payload === "string" ? payload : JSON.stringify(payload);
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
