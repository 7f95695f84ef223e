import { chatStoreError } from "../../errors.js";
import type { Payload } from "../../messages/codec.js";
import type { Driver, DriverKeys, DriverPage, ReadContext, WriteContext } from "../driver.js";
import { pause } from "../pause.js";
import { neverAborted } from "../signals.js";
import { Turns } from "../turns.js";
import { invalid } from "../validate.js";
import { copies, type Head, isExpired } from "./head.js";
import { type Answer, type Change, type Committed, HeadWriter, missing } from "./head-writer.js";
import { Heads } from "./heads.js";
import { Hints, known } from "./hints.js";
import { Housekeeping } from "./housekeeping.js";
import { type Address, addressAt, countOf, type Piece, positionOf, slice } from "./pieces.js";
import type { HeadPort, StoredHead } from "./port.js";
import { Purge } from "./purge.js";
import { addressText, originOf, type ReadMessage, RowReader } from "./rows.js";
import { defaultTuning, type Tuning } from "./tuning.js";

/** What is not the port's to say. */
export interface HeadDriverOptions {
  /** How long after its last write a conversation expires, in milliseconds; never when absent. */
  ttlMs?: number | undefined;
  /** Waits before a mutation that lost against others is tried again: by default up to half a second, by chance. */
  pause?: ((round: number, signal: ReadContext["signal"]) => Promise<void>) | undefined;
  /** Other numbers than the usual ones, as a service's prices may ask for. */
  tuning?: Partial<Tuning> | undefined;
}

/** How far `purgeExpired` looks. */
export interface PurgeOptions {
  /** Looks at every row there is, and not only where a head tells that something may be left. */
  thorough?: boolean | undefined;
}

/**
 * The head protocol over a service's port: one head row a conversation, changed by compare-and-swap only, and rows for
 * the messages that it names. See docs/head-protocol.md.
 */
export class HeadDriver implements Driver {
  readonly exactlyOnce = true;
  readonly #port: HeadPort;
  readonly #hints = new Hints();
  readonly #heads: Heads;
  readonly #housekeeping: Housekeeping;
  readonly #purge: Purge;
  readonly #writer: HeadWriter;
  readonly #turns = new Turns();
  /** Housekeeping that goes on behind the caller's back. */
  readonly #following = new Set<Promise<void>>();

  constructor(port: HeadPort, options: HeadDriverOptions = {}) {
    this.#port = port;
    const tuning = { ...defaultTuning, ...options.tuning };
    this.#heads = new Heads(port, this.#hints);
    this.#housekeeping = new Housekeeping(port, this.#hints, this.#heads, tuning);
    this.#purge = new Purge(port, this.#hints, this.#heads, tuning);
    this.#writer = new HeadWriter(port, this.#hints, this.#heads, {
      ttlMs: options.ttlMs,
      tuning,
      pause: options.pause ?? pauseByChance,
      committed: (committed) => this.#follow(committed),
    });
  }

  async append(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    await this.#mutate(
      key,
      { at: (count) => ({ position: count, removed: 0 }), payloads, answers: "nothing" },
      context,
    );
  }

  async insert(key: string, index: number, payload: Payload, context: WriteContext): Promise<boolean> {
    const at = (count: number) => (index > count ? undefined : { position: index, removed: 0 });
    const change: Change = { at, byIndex: true, payloads: [payload], answers: "whether" };
    return (await this.#mutate(key, change, context)) === 1;
  }

  async replace(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    await this.#mutate(
      key,
      { at: (count) => ({ position: 0, removed: count }), payloads, answers: "nothing" },
      context,
    );
  }

  async forget(key: string, context: WriteContext): Promise<void> {
    const at = (count: number) => (count === 0 ? undefined : { position: 0, removed: count });
    await this.#mutate(key, { at, payloads: [], answers: "nothing" }, context);
  }

  async edit(key: string, index: number, payload: Payload, context: WriteContext): Promise<Payload | undefined> {
    return this.#mutateOne(key, index, [payload], context);
  }

  async remove(key: string, index: number, context: WriteContext): Promise<Payload | undefined> {
    return this.#mutateOne(key, index, [], context);
  }

  async pop(key: string, context: WriteContext): Promise<Payload | undefined> {
    return this.#mutateOne(key, "last", [], context);
  }

  async trim(key: string, keepLast: number, context: WriteContext): Promise<number> {
    const at = (count: number) => (count > keepLast ? { position: 0, removed: count - keepLast } : undefined);
    return Number(await this.#mutate(key, { at, payloads: [], answers: "removed count" }, context));
  }

  async readAll(key: string, context: ReadContext): Promise<Payload[]> {
    const messages = await this.#readPieces(key, (head) => head.pieces, context);
    return (messages ?? []).map(({ payload }) => payload);
  }

  async readOldest(key: string, limit: number, context: ReadContext): Promise<Payload[]> {
    const messages = await this.#readPieces(key, (head) => slice(head.pieces, 0, limit), context);
    return (messages ?? []).map(({ payload }) => payload);
  }

  async readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage> {
    const cursor = before === undefined ? undefined : parseCursor(before);
    let incarnation = "";
    let older: Address | undefined;
    const messages = await this.#readPieces(
      key,
      async (head, reader) => {
        const end = cursor === undefined ? countOf(head.pieces) : await findPlace(cursor, head, reader);
        if (end === undefined) return undefined;
        const start = Math.max(0, end - limit);
        incarnation = head.incarnation;
        older = addressAt(head.pieces, start - 1);
        // Of a copy only its row tells where it was first.
        return slice(head.pieces, older !== undefined && older.source === copies ? start - 1 : start, end);
      },
      context,
      cursor === undefined ? limit : undefined,
    );
    if (messages === undefined) {
      if (cursor !== undefined) throw placeGone();
      return { payloads: [] };
    }
    const neighbour = older && (older.source === copies ? messages.shift() : { address: older });
    const payloads = messages.map(({ payload }) => payload);
    const [first] = messages;
    if (neighbour === undefined || first === undefined) return { payloads };
    return { payloads, before: [incarnation, originOf(first), originOf(neighbour)].join("/") };
  }

  async count(key: string, context: ReadContext): Promise<number> {
    const head = await this.#readLive(key, context);
    return head === undefined ? 0 : countOf(head.pieces);
  }

  async listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    const page = await this.#port.listHeads({ prefix, limit, cursor, ended: false }, context);
    const now = this.#port.now();
    const isLive = ({ count, expiresAt }: { count: number; expiresAt: number | undefined }) =>
      count > 0 && (expiresAt === undefined || expiresAt > now);
    return { keys: page.heads.filter(({ head }) => isLive(head)).map(({ key }) => key), cursor: page.cursor };
  }

  /**
   * Ends conversations that have expired, removes rows that no head names, and heads of conversations that ended more than
   * a day ago. Answers how many had expired. Reads all heads, and rows only of conversations that have something to remove;
   * with `thorough` those of all, and of keys without a head. Can be stopped at any time: what was done is not done again.
   */
  async purge(context: ReadContext, { thorough = false }: PurgeOptions = {}): Promise<number> {
    let expired = 0;
    let cursor: string | undefined;
    do {
      const page = await this.#port.listHeads({ prefix: "", limit: 100, cursor, ended: true }, context);
      for (const listed of page.heads) {
        const purging = thorough
          ? this.#purge.thoroughly(listed.key, context)
          : this.#purge.whereNeeded(listed, context);
        if (await purging) expired++;
      }
      cursor = page.cursor;
    } while (cursor !== undefined && !context.signal.aborted);
    if (thorough) await this.#purgeLost(context);
    return expired;
  }

  async #purgeLost(context: ReadContext): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.#port.listLost?.(cursor, context);
      for (const key of page?.keys ?? []) await this.#purge.withoutHead(key, context);
      cursor = page?.cursor;
    } while (cursor !== undefined && !context.signal.aborted);
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#port.close();
  }

  /** Settles when nothing goes on behind the caller's back. */
  async settled(): Promise<void> {
    while (this.#following.size > 0) await Promise.all(this.#following);
  }

  async #mutateOne(
    key: string,
    index: number | "last",
    payloads: readonly Payload[],
    context: WriteContext,
  ): Promise<Payload | undefined> {
    const at = (count: number) => {
      const position = index === "last" ? count - 1 : index;
      return 0 <= position && position < count ? { position, removed: 1 } : undefined;
    };
    const change: Change = { at, byIndex: index !== "last", payloads, answers: "removed message" };
    const answer = await this.#mutate(key, change, context);
    return typeof answer === "string" ? answer : undefined;
  }

  /** One mutation of a key at a time: those of one process would only get in each other's way. */
  #mutate(key: string, change: Change, context: WriteContext): Promise<Answer> {
    // Whoever has been told that it was aborted holds up nobody: its last write is settled by the next head that is read.
    return this.#turns.take(key, context.signal, async () => {
      await this.#housekeeping.makeRoom(key, change, context);
      return this.#writer.mutate(key, change, context);
    });
  }

  #follow(committed: Committed): void {
    // What fails here is done by a later mutation or by purgeExpired: the data is right without it.
    const following: Promise<void> = this.#housekeeping
      .follow(committed, { signal: neverAborted })
      .catch(() => undefined)
      .finally(() => this.#following.delete(following));
    this.#following.add(following);
  }

  /**
   * The messages of the pieces that `choose` takes of one head, where undefined means that it missed a row; undefined when
   * the conversation does not exist.
   */
  async #readPieces(
    key: string,
    choose: (head: Head, reader: RowReader) => readonly Piece[] | Promise<readonly Piece[] | undefined>,
    context: ReadContext,
    newest?: number,
  ): Promise<ReadMessage[] | undefined> {
    const reader = new RowReader(this.#port, key, context);
    let version: string | undefined;
    for (;;) {
      const together =
        version === undefined && newest !== undefined ? await this.#port.readNewest?.(key, newest, context) : undefined;
      const head = await this.#readLive(key, context, together);
      if (head !== undefined && together !== undefined) reader.take(head, together.rows);
      if (head === undefined) return undefined;
      const pieces = await choose(head, reader);
      const messages = pieces && (await reader.read(head, pieces));
      if (messages !== undefined) return messages;
      // A row is missing because its message has been removed since, unless the head is still the same.
      const again = `${head.incarnation} ${head.version}`;
      if (again === version) {
        const address = reader.firstMissing(head, pieces ?? head.pieces);
        throw missing(key, (address && positionOf(head.pieces, address)) ?? 0);
      }
      version = again;
    }
  }

  /** The head of a conversation that exists. That it has expired becomes a fact before anybody is told. */
  async #readLive(
    key: string,
    context: ReadContext,
    read?: { head: StoredHead | undefined },
  ): Promise<Head | undefined> {
    let current = known(read === undefined ? await this.#port.readHead(key, context) : read.head);
    while (current.head !== undefined && isExpired(current.head, this.#port.now())) {
      current = await this.#heads.seal(key, current, current.head, context);
    }
    this.#hints.set(key, current);
    return current.head !== undefined && current.head.pieces.length > 0 ? current.head : undefined;
  }
}

function pauseByChance(round: number, signal: ReadContext["signal"]): Promise<void> {
  return pause(Math.random() * Math.min(500, 5 * 2 ** round), signal);
}

/** A place in a history: right before one message and right behind another. Either may be gone when it is used. */
interface Cursor {
  incarnation: string;
  /** The message at the beginning of the page and the one before it, by the addresses that they had first. */
  first: Address;
  older: Address;
}

function parseCursor(text: string): Cursor {
  const [, incarnation, firstSource, firstIndex, olderSource, olderIndex] =
    /^([\w-]+)\/([\w-]*):(\d{1,15})\/([\w-]*):(\d{1,15})$/.exec(text) ?? [];
  if (incarnation === undefined || firstSource === undefined || olderSource === undefined) {
    throw invalid("before is no cursor of this store.");
  }
  return {
    incarnation,
    first: { source: firstSource, index: Number(firstIndex) },
    older: { source: olderSource, index: Number(olderIndex) },
  };
}

/** The position of a cursor's place in a head; undefined when a row is missing, since the head has moved on. */
async function findPlace(
  { incarnation, first, older }: Cursor,
  head: Head,
  reader: RowReader,
): Promise<number | undefined> {
  if (incarnation !== head.incarnation) throw placeGone();
  const position = positionOf(head.pieces, first);
  if (position !== undefined) return position;
  const behind = positionOf(head.pieces, older);
  if (behind !== undefined) return behind + 1;
  // They may have been copied to other addresses since.
  const moved = await reader.read(
    head,
    head.pieces.filter(([source]) => source === copies),
  );
  if (moved === undefined) return undefined;
  const copied = moved.find(({ origin }) => origin === addressText(first));
  if (copied !== undefined) return positionOf(head.pieces, copied.address);
  const copiedOlder = moved.find(({ origin }) => origin === addressText(older));
  const place = copiedOlder && positionOf(head.pieces, copiedOlder.address);
  if (place === undefined) throw placeGone();
  return place + 1;
}

function placeGone() {
  return chatStoreError(
    "CONFLICT",
    "The history that this page belonged to was changed there or has ended. Read the newest page.",
  );
}
