import type { Payload } from "../../messages/codec.js";
import type { ReadContext } from "../driver.js";
import { type Head, headSource, rowSource, tailPayload } from "./head.js";
import { type Address, addressesOf, concat, type Piece } from "./pieces.js";
import type { HeadPort, Row, RowAddress } from "./port.js";

const encoder = new TextEncoder();

/** A message as rows of at most `rowBytes` each. */
export function rowsOf(source: string, index: number, payload: Payload, rowBytes: number, origin?: string): Row[] {
  const bodies = split(payload, rowBytes);
  return bodies.map((body, part) => ({
    source,
    index,
    part,
    parts: bodies.length,
    body,
    ...(origin === undefined ? {} : { origin }),
  }));
}

function split(text: string, bytes: number): string[] {
  if (text.length * 3 <= bytes) return [text];
  const buffer = new Uint8Array(bytes);
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    // encodeInto writes whole characters only, so no surrogate pair is torn.
    const { read } = encoder.encodeInto(text.slice(at, at + bytes), buffer);
    parts.push(text.slice(at, at + read));
    at += read;
  }
  return parts;
}

/** A message that was read, and where it was before it was copied, if it was. */
export interface ReadMessage {
  payload: Payload;
  address: Address;
  origin?: string | undefined;
  /** Rows that it takes; 0 when it was read from the head. */
  rows: number;
}

/** Where a message was first. It names the message for good, however often that is copied. */
export function originOf({ address, origin }: Pick<ReadMessage, "address" | "origin">): string {
  return origin ?? addressText(address);
}

export function addressText({ source, index }: Address): string {
  return `${source}:${index}`;
}

/** Reads messages of one conversation, each at most once, through changes of its head. */
export class RowReader {
  readonly #port: HeadPort;
  readonly #key: string;
  readonly #context: ReadContext;
  readonly #found = new Map<string, ReadMessage>();

  constructor(port: HeadPort, key: string, context: ReadContext) {
    this.#port = port;
    this.#key = key;
    this.#context = context;
  }

  /** The messages of some pieces, in order; undefined when a row is missing, since the head has moved on. */
  async read(head: Head, pieces: readonly Piece[]): Promise<ReadMessage[] | undefined> {
    const messages = await this.readEach(head, addressesOf(pieces));
    return messages.every((message) => message !== undefined) ? messages : undefined;
  }

  /** The message at each address; undefined where a row is missing. */
  async readEach(head: Head, addresses: readonly Address[]): Promise<(ReadMessage | undefined)[]> {
    const wanted = addresses.filter((address) => this.#lookUp(head, address) === undefined);
    if (wanted.length > 0) await this.#fetch(head, wanted);
    return addresses.map((address) => this.#lookUp(head, address));
  }

  /** The first of some messages that was not there when it was read. */
  firstMissing(head: Head, pieces: readonly Piece[]): Address | undefined {
    return addressesOf(pieces).find((address) => this.#lookUp(head, address) === undefined);
  }

  #lookUp(head: Head, address: Address): ReadMessage | undefined {
    const payload = tailPayload(head, address);
    if (payload !== undefined) return { payload, address, rows: 0 };
    return this.#found.get(nameOf(rowSource(head, address.source), address.index));
  }

  async #fetch(head: Head, wanted: readonly Address[]): Promise<void> {
    const ranges = concat(wanted.map(({ source, index }) => [rowSource(head, source), index, index + 1] as const));
    const rows = await this.#port.readRows(
      this.#key,
      ranges.map(([source, from, to]) => ({ source, from, to })),
      this.#context,
    );
    this.take(head, rows);
  }

  /** Takes rows that were read, whether they are asked for or not. */
  take(head: Head, rows: readonly Row[]): void {
    const messages = new Map<string, Row[]>();
    for (const row of rows) {
      const name = nameOf(row.source, row.index);
      const parts = messages.get(name) ?? [];
      parts[row.part] = row;
      messages.set(name, parts);
    }
    for (const [name, sparse] of messages) {
      const parts = sparse.filter((row) => row !== undefined);
      const [first] = parts;
      if (first === undefined || parts.length < first.parts) continue;
      const source = headSource(head, first.source);
      const payload = parts.map(({ body }) => body).join("");
      this.#found.set(name, {
        payload,
        address: { source, index: first.index },
        rows: parts.length,
        origin: first.origin,
      });
    }
  }
}

function nameOf(source: string, index: number): string {
  return `${source}:${index}`;
}

/** The addresses of all rows of messages. */
export function rowAddresses(head: Head, messages: readonly { address: Address; rows: number }[]): RowAddress[] {
  return messages.flatMap(({ address, rows }) =>
    Array.from({ length: Math.max(1, rows) }, (_, part) => ({
      source: rowSource(head, address.source),
      index: address.index,
      part,
    })),
  );
}
