import { chatStoreError } from "../../errors.js";
import type { Payload } from "../../messages/codec.js";
import type { Operation, ReadContext, WriteContext } from "../driver.js";
import { utf8Length } from "../validate.js";
import {
  edited,
  emptied,
  findOperation,
  type Head,
  isExpired,
  newHead,
  tailPayload,
  withOperation,
  withTail,
} from "./head.js";
import type { Heads, Swapped } from "./heads.js";
import type { Hints, Known } from "./hints.js";
import { type Address, addressAt, concat, countOf, type Piece, pieceAt, slice } from "./pieces.js";
import type { HeadPort, Row } from "./port.js";
import { type ReadMessage, RowReader, rowsOf } from "./rows.js";
import { newIncarnation, stage } from "./staging.js";
import { AllTries, type Tries } from "./tries.js";
import type { Tuning } from "./tuning.js";

/** Where a mutation acts: some messages are taken out, and others put in at the same place. */
export interface Place {
  position: number;
  removed: number;
}

/** A mutation of a history. */
export interface Change {
  /** Where, given the number of messages; undefined when there is nothing to do. */
  at: (count: number) => Place | undefined;
  /** Whether it may cost in proportion to the history. */
  byIndex?: boolean;
  payloads: readonly Payload[];
  /** What is answered: the message that is taken out, how many are, whether anything was done, or nothing. */
  answers: "removed message" | "removed count" | "whether" | "nothing";
}

export type Answer = Payload | number | undefined;

/** What a committed mutation leaves to be done. */
export interface Committed {
  key: string;
  head: Head;
  /** Messages that are in the history no more. */
  dead: readonly Piece[];
  /** The one of them that was read, with its rows. */
  read: ReadMessage | undefined;
}

/** A head that is to be swapped in, and what it means. */
export interface Plan {
  /** The token of the head that it was made for; undefined when there was none. */
  base: string | undefined;
  next: Head;
  /** Written in the same step. */
  rows: readonly Row[];
  answer: Answer;
  dead: readonly Piece[];
  read: ReadMessage | undefined;
}

/** A call of a mutation: everything that stays the same while its tries go on. */
interface Mutation {
  key: string;
  change: Change;
  operation: Operation;
  context: ReadContext;
  tries: Tries;
}

/** What a try starts from. */
interface Start extends Known {
  /** Whether the head was read in this call. A hint can't tell that there is nothing to do. */
  fresh: boolean;
}

/** Why there is no plan. */
type Obstacle = "nothing to do" | "out of date" | "no head";

export interface HeadWriterOptions {
  ttlMs: number | undefined;
  tuning: Tuning;
  /** Waits before a mutation that lost against others is tried again. */
  pause: (round: number, signal: ReadContext["signal"]) => Promise<void>;
  committed: (committed: Committed) => void;
}

/** Changes heads: one compare-and-swap is the moment at which a mutation happens. */
export class HeadWriter {
  readonly #port: HeadPort;
  readonly #hints: Hints;
  readonly #heads: Heads;
  readonly #options: HeadWriterOptions;
  readonly #tries: AllTries;

  constructor(port: HeadPort, hints: Hints, heads: Heads, options: HeadWriterOptions) {
    this.#port = port;
    this.#hints = hints;
    this.#heads = heads;
    this.#options = options;
    this.#tries = new AllTries(options.tuning.rememberedOperations);
  }

  async mutate(key: string, change: Change, { operation, ...context }: WriteContext): Promise<Answer> {
    const tries = this.#tries.of(key, operation);
    const mutation: Mutation = { key, change, operation, context, tries };

    giveUpWhenAborted(context);
    // A hint may be wrong, and after a failure it probably is.
    const hint = tries.sent ? undefined : this.#hints.get(key);
    let start: Start = hint === undefined ? await this.#freshStart(mutation) : { ...hint, fresh: false };
    for (let lost = 0; ; ) {
      giveUpWhenAborted(context);
      const repeated = await this.#repeated(mutation, start);
      if (repeated !== undefined) return repeated.answer;

      const plan = tries.planFor(start.token) ?? (await this.#plan(mutation, start));
      if (plan === "nothing to do") return answerOf(change, undefined, undefined);
      if (plan === "out of date") {
        start = await this.#freshStart(mutation);
      } else if (plan === "no head") {
        start = { ...(await this.#create(mutation)), fresh: true };
      } else {
        const { applied, current } = await this.#swap(mutation, plan, start);
        if (applied) return plan.answer;
        start = { ...current, fresh: true };
        await this.#options.pause(++lost, context.signal);
      }
    }
  }

  async #freshStart({ key, context }: Mutation): Promise<Start> {
    return { ...(await this.#heads.read(key, context)), fresh: true };
  }

  /** The answer, when the head says that the operation has been applied before. */
  async #repeated(mutation: Mutation, { head }: Known): Promise<{ answer: Answer } | undefined> {
    const { key, operation, context, tries } = mutation;
    // One of the store's own ids can't be there before it was sent.
    const mayBeThere = operation.fromCaller || tries.sent;
    const applied = head !== undefined && mayBeThere ? findOperation(head, operation) : undefined;
    if (head === undefined || applied === undefined) {
      tries.notApplied(head);
      return undefined;
    }
    if (!operation.fromCaller) return { answer: tries.plan?.answer };
    if (applied.fingerprint !== operation.fingerprint) {
      throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
    }
    const { answer } = applied;
    if (typeof answer !== "object") return { answer };
    const [message] = (await new RowReader(this.#port, key, context).read(head, [pieceAt(answer)])) ?? [];
    if (message !== undefined) return { answer: message.payload };
    throw chatStoreError("UNAVAILABLE", "The operation was applied, but what it answered is no longer kept.", {
      outcome: "unknown",
    });
  }

  async #plan(mutation: Mutation, start: Start): Promise<Plan | Obstacle> {
    const { change, operation } = mutation;
    const now = this.#port.now();
    const view = viewOf(start.head, now);
    const place = change.at(countOf(view.head.pieces));
    if (place === undefined) {
      if (!start.fresh) return "out of date";
      // An expiry that somebody is told of becomes a fact, and an operation of a caller's is remembered, unless refused.
      const isRemembered = operation.fromCaller && !isRefused(change, place);
      if (view.expired.length === 0 && !isRemembered) return "nothing to do";
      return this.#planned(mutation, start, view, { head: view.head, now });
    }
    const read =
      change.answers === "removed message" ? await this.#removed(mutation, start, view.head, place) : undefined;
    if (read === "out of date") return read;
    const put = await this.#put(mutation, start, view.head);
    if (put === "no head") return put;
    const head = edited(put.head, place.position, place.removed, put.pieces);
    return this.#planned(mutation, start, view, { head, now, place, read });
  }

  /** The plan that leads to a head. */
  #planned(
    { change, operation, tries }: Mutation,
    start: Start,
    view: View,
    { head, now, place, read }: { head: Head; now: number; place?: Place; read?: ReadMessage | undefined },
  ): Plan {
    const { ttlMs, tuning } = this.#options;
    const answer = answerOf(change, place, read);
    const removed = place === undefined ? [] : slice(view.head.pieces, place.position, place.position + place.removed);
    const dead = concat(view.expired, removed);
    const { head: ready, rows } = this.#withRows(head);
    const next = {
      ...(isRefused(change, place)
        ? ready
        : withOperation(ready, operation, recordOf(answer, read), tuning.rememberedOperations)),
      version: view.head.version + 1,
      writtenAt: now,
      litter: view.head.litter + (dead.length > 0 || tries.leftStaged ? 1 : 0),
    };
    if (place !== undefined) next.expiresAt = ttlMs === undefined ? undefined : now + ttlMs;
    return { base: start.token, next, rows, answer, dead, read };
  }

  /** Where rows can be written with the head, none of its messages waits for one. */
  #withRows(head: Head): { head: Head; rows: Row[] } {
    const { rowsWithHead, rowBytes } = this.#port.limits;
    if (rowsWithHead === 0) return { head, rows: [] };
    const rows = head.tail.flatMap(([index, payload]) => rowsOf(head.incarnation, index, payload, rowBytes));
    return { head: { ...head, tail: [] }, rows };
  }

  /** The message that is taken out. */
  async #removed(
    { key, operation, context }: Mutation,
    { fresh }: Start,
    view: Head,
    { position }: Place,
  ): Promise<ReadMessage | "out of date"> {
    const address = addressAt(view.pieces, position);
    const reader = new RowReader(this.#port, key, context);
    const [message] = (address && (await reader.read(view, [pieceAt(address)]))) ?? [];
    if (message === undefined) {
      if (!fresh) return "out of date";
      const { head } = await this.#heads.read(key, context);
      if (head?.version === view.version && head.incarnation === view.incarnation) throw missing(key, position);
      return "out of date";
    }
    // A caller may ask for the answer again when the message is in no head any more.
    if (operation.fromCaller && message.rows === 0) await this.#putTail(key, view, [message.address.index], context);
    return message;
  }

  /** Puts what is to be added where a head can name it: into the tail, or beside, staged. */
  async #put(mutation: Mutation, start: Start, view: Head): Promise<{ head: Head; pieces: Piece[] } | "no head"> {
    const { key, change, context, tries } = mutation;
    if (change.payloads.length === 0) return { head: view, pieces: [] };
    if (this.#fitsInline(change.payloads)) {
      const { head, piece } = withTail(await this.#roomInTail(key, view, change.payloads, context), change.payloads);
      return { head, pieces: [piece] };
    }
    // What is staged belongs to an incarnation.
    if (start.head === undefined) return "no head";
    const staged = tries.staged(view) ?? tries.stagedAnew(await stage(this.#port, key, view, change.payloads, context));
    return { head: view, pieces: [staged.piece] };
  }

  /** Messages that a head can hold, each of which fits one row. */
  #fitsInline(payloads: readonly Payload[]): boolean {
    const { inlineBytes, rowBytes, rowsWithHead } = this.#port.limits;
    if (payloads.length > (rowsWithHead > 0 ? rowsWithHead : this.#options.tuning.tailEntries)) return false;
    return bytesOf(payloads) <= Math.min(inlineBytes, rowBytes);
  }

  /** Takes out of the tail what has its row, and gives rows to the rest when there is no room otherwise. */
  async #roomInTail(key: string, view: Head, payloads: readonly Payload[], context: ReadContext): Promise<Head> {
    const rowsPut = this.#hints.rowsPut(key, view);
    let tail = view.tail.filter(([index]) => !rowsPut.has(index));
    const bytes = bytesOf(payloads) + bytesOf(tail.map(([, payload]) => payload));
    if (tail.length + payloads.length > this.#options.tuning.tailEntries || bytes > this.#port.limits.inlineBytes) {
      const indexes = tail.map(([index]) => index);
      await this.#putTail(key, view, indexes, context);
      tail = [];
    }
    return { ...view, tail };
  }

  /** Writes rows for messages of a tail that is committed, so that every row has the one content that it can have. */
  async #putTail(key: string, head: Head, indexes: readonly number[], context: ReadContext): Promise<void> {
    const rows = indexes.flatMap((index) => {
      const payload = tailPayload(head, { source: "", index });
      return payload === undefined ? [] : rowsOf(head.incarnation, index, payload, this.#port.limits.rowBytes);
    });
    if (rows.length > 0) await this.#port.putRows(key, rows, context);
  }

  /** Makes an empty head, which staged rows need. */
  async #create({ key, context }: Mutation): Promise<Known> {
    const head = { ...newHead(newIncarnation()), writtenAt: this.#port.now() };
    return (await this.#heads.swap(key, { token: undefined, head: undefined }, head, context)).current;
  }

  async #swap({ key, context, tries }: Mutation, plan: Plan, start: Start): Promise<Swapped> {
    const refused = tries.sending(plan, start.head);
    const swapped = await this.#heads.swap(key, start, plan.next, context, plan.rows);
    if (swapped.applied) {
      tries.applied(plan);
      this.#options.committed({ key, head: plan.next, dead: plan.dead, read: plan.read });
    } else if (swapped.sentOnce) {
      // A request that was sent twice is refused the second time although the first was applied: then the head will tell, if
      // it has not moved on too far, as it may have since a hint was noted.
      refused();
    }
    return swapped;
  }
}

/** A head as it counts at this moment, and what is in it no more since it has expired. */
interface View {
  head: Head;
  expired: readonly Piece[];
}

function viewOf(head: Head | undefined, now: number): View {
  if (head === undefined) return { head: newHead(newIncarnation()), expired: [] };
  return isExpired(head, now) ? { head: emptied(head), expired: head.pieces } : { head, expired: [] };
}

function answerOf({ answers }: Change, place: Place | undefined, read: ReadMessage | undefined): Answer {
  switch (answers) {
    case "removed message":
      return read?.payload;
    case "removed count":
      return place?.removed ?? 0;
    case "whether":
      return place === undefined ? 0 : 1;
    case "nothing":
      return undefined;
  }
}

/** What a head keeps of an answer: of a message its address. */
function recordOf(answer: Answer, read: ReadMessage | undefined): Address | number | undefined {
  return typeof answer === "string" ? read?.address : answer;
}

/** An insert beyond the end. What was refused is not remembered. */
function isRefused({ answers }: Change, place: Place | undefined): boolean {
  return answers === "whether" && place === undefined;
}

function giveUpWhenAborted({ signal }: ReadContext): void {
  if (signal.aborted) throw chatStoreError("ABORTED", "The operation was given up.");
}

function bytesOf(payloads: readonly Payload[]): number {
  return payloads.reduce((sum, payload) => sum + utf8Length(payload), 0);
}

export function missing(key: string, position: number) {
  const problem = `Message ${position} of conversation ${JSON.stringify(key)} is named by its head and not there.`;
  return chatStoreError("CORRUPT_MESSAGE", problem, { key });
}
