import { chatStoreError } from "../../errors.js";
import type { Payload } from "../../messages/codec.js";
import type { Operation, ReadContext, WriteContext } from "../driver.js";
import { newOperationId } from "../operation.js";
import { utf8Length } from "../validate.js";
import {
  edited,
  emptied,
  encodeHead,
  findOperation,
  type Head,
  isExpired,
  newHead,
  tailPayload,
  withOperation,
  withTail,
} from "./head.js";
import { type Hints, type Known, known } from "./hints.js";
import { type Address, addressAt, concat, countOf, type Piece, slice } from "./pieces.js";
import type { HeadPort, Row } from "./port.js";
import { type ReadMessage, RowReader, rowsOf } from "./rows.js";
import { mayShow, newIncarnation, type Staged, stage } from "./staging.js";
import type { Tuning } from "./tuning.js";

/** A mutation of a history: some messages taken out, others put in at the same place. */
export interface Change {
  /** Where, given the number of messages; undefined when there is nothing to do. */
  at: (count: number) => { position: number; removed: number } | undefined;
  payloads: readonly Payload[];
  /** What is answered: the message that is taken out, how many are, or nothing. */
  answers: "removed message" | "removed count" | "whether" | "nothing";
}

export type Answer = Payload | number | undefined;

/** What a committed mutation leaves to be done. */
export interface Committed {
  key: string;
  current: Known;
  /** Messages that are in the history no more. */
  dead: readonly Piece[];
  /** The one of them that was read, with its rows. */
  read: ReadMessage | undefined;
}

/** What a call knows of its own tries, the first ones and those that the facade makes after a failure. */
interface Tries {
  /** A write that may have happened, or may yet: the head that it was made for. */
  unresolved?: { incarnation: string; version: number; creating: boolean } | undefined;
  sent: boolean;
  staged?: Staged | undefined;
  plan?: Plan | undefined;
}

interface Plan {
  base: string | undefined;
  next: Head;
  rows: Row[];
  answer: Answer;
  dead: Piece[];
  read: ReadMessage | undefined;
}

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
  readonly #options: HeadWriterOptions;
  /** By operation, since the facade tries the very same one again. */
  readonly #tries = new WeakMap<Operation, Tries>();

  constructor(port: HeadPort, hints: Hints, options: HeadWriterOptions) {
    this.#port = port;
    this.#hints = hints;
    this.#options = options;
  }

  async mutate(key: string, change: Change, context: WriteContext): Promise<Answer> {
    const { operation } = context;
    const tries = this.#tries.get(operation) ?? { sent: false };
    this.#tries.set(operation, tries);

    giveUpWhenAborted(context);
    // A hint may be wrong, and after a failure it probably is.
    const hint = tries.sent ? undefined : this.#hints.get(key);
    let current = hint ?? (await this.#read(key, context));
    let fresh = hint === undefined;
    for (let lost = 0; ; ) {
      giveUpWhenAborted(context);
      const repeated = await this.#repeated(key, current, operation, tries, context);
      if (repeated !== undefined) return repeated.answer;

      const plan = await this.#plan(key, change, current, fresh, tries, context);
      if (plan === "nothing to do") return answerOf(change, undefined, undefined).answer;
      if (plan === "out of date") {
        current = await this.#read(key, context);
      } else if (plan === "no head") {
        current = await this.#create(key, context);
      } else {
        const swapped = await this.#swap(key, plan, current, tries, context);
        current = swapped.current;
        if (swapped.applied) {
          this.#options.committed({ key, current, dead: plan.dead, read: plan.read });
          return plan.answer;
        }
        await this.#options.pause(++lost, context.signal);
      }
      fresh = true;
    }
  }

  async #read(key: string, context: ReadContext): Promise<Known> {
    const read = known(await this.#port.readHead(key, context));
    this.#hints.set(key, read);
    return read;
  }

  /** The answer, when the head says that the operation has been applied before. */
  async #repeated(
    key: string,
    { head }: Known,
    operation: Operation,
    tries: Tries,
    context: ReadContext,
  ): Promise<{ answer: Answer } | undefined> {
    // One of the store's own ids can't be there before it was sent.
    const applied =
      head !== undefined && (operation.fromCaller || tries.sent) ? findOperation(head, operation) : undefined;
    if (applied === undefined || head === undefined) {
      settle(tries, head, key, this.#options.tuning.rememberedOperations);
      return undefined;
    }
    if (!operation.fromCaller) return { answer: tries.plan?.answer };
    if (applied.fingerprint !== operation.fingerprint) {
      throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
    }
    const { answer } = applied;
    if (typeof answer !== "object") return { answer };
    const [message] = (await new RowReader(this.#port, key, context).read(head, [pieceOf(answer)])) ?? [];
    if (message !== undefined) return { answer: message.payload };
    throw chatStoreError("UNAVAILABLE", "The operation was applied, but what it answered is no longer kept.", {
      outcome: "unknown",
    });
  }

  async #plan(
    key: string,
    change: Change,
    current: Known,
    fresh: boolean,
    tries: Tries,
    context: WriteContext,
  ): Promise<Plan | "nothing to do" | "out of date" | "no head"> {
    // A try that is repeated on the same head must not come to another result, since either may be the one that happens.
    if (tries.plan !== undefined && tries.plan.base === current.token && tries.sent) return tries.plan;
    const { operation } = context;
    const now = this.#port.now();
    const expired = current.head !== undefined && isExpired(current.head, now);
    const view =
      expired && current.head !== undefined ? emptied(current.head) : (current.head ?? newHead(newIncarnation()));
    const count = countOf(view.pieces);
    const at = change.at(count);
    if (at === undefined) {
      // Only a head that was read in this call can tell that there is nothing to do.
      if (!fresh) return "out of date";
      // An insert beyond the end is refused, and what was refused is not remembered.
      if (!expired && (!operation.fromCaller || change.answers === "whether")) return "nothing to do";
    }

    let next = view;
    let read: ReadMessage | undefined;
    if (at !== undefined && change.answers === "removed message") {
      read = await this.#message(key, view, at.position, fresh, context);
      if (read === undefined) return "out of date";
    }
    if (read !== undefined && operation.fromCaller && read.rows === 0) {
      // A caller may ask for the answer again when the message is in no head any more.
      await this.#putTail(key, view, [read.address.index], context);
    }
    const rows: Row[] = [];
    if (at !== undefined) {
      let inserted: Piece[] = [];
      if (change.payloads.length > 0) {
        if (this.#fitsInline(change.payloads)) {
          next = await this.#roomInTail(key, view, change.payloads, context);
          const placed = withTail(next, change.payloads);
          next = placed.head;
          inserted = [placed.piece];
        } else {
          if (current.head === undefined) return "no head";
          if (tries.staged === undefined || !mayShow(tries.staged, view)) {
            tries.staged = await stage(
              this.#port,
              key,
              view,
              change.payloads.map((payload) => ({ payload })),
              "b",
              context,
            );
          }
          inserted = [tries.staged.piece];
        }
      }
      next = edited(next, at.position, at.removed, inserted);
    }
    if (this.#port.limits.rowsWithHead > 0) {
      for (const [index, payload] of next.tail)
        rows.push(...rowsOf(next.incarnation, index, payload, this.#port.limits.rowBytes));
      next = { ...next, tail: [] };
    }
    const { answer, recorded } = answerOf(change, at, read);
    const refused = at === undefined && change.answers === "whether";
    if (!refused) next = withOperation(next, operation, recorded, this.#options.tuning.rememberedOperations);
    next = { ...next, version: view.version + 1, writtenAt: now };
    if (at !== undefined) next.expiresAt = this.#options.ttlMs === undefined ? undefined : now + this.#options.ttlMs;
    const removed = at === undefined ? [] : slice(view.pieces, at.position, at.position + at.removed);
    const dead = concat(expired ? (current.head?.pieces ?? []) : [], removed);
    tries.plan = { base: current.token, next, rows, answer, dead, read };
    return tries.plan;
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
      await this.#putTail(
        key,
        view,
        tail.map(([index]) => index),
        context,
      );
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

  async #message(
    key: string,
    view: Head,
    position: number,
    fresh: boolean,
    context: ReadContext,
  ): Promise<ReadMessage | undefined> {
    const address = addressAt(view.pieces, position);
    const reader = new RowReader(this.#port, key, context);
    const [message] = (address && (await reader.read(view, [pieceOf(address)]))) ?? [];
    if (message !== undefined || !fresh) return message;
    const { head } = known(await this.#port.readHead(key, context));
    if (head?.version === view.version && head.incarnation === view.incarnation) throw missing(key, position);
    return undefined;
  }

  /** Makes an empty head, which staged rows need. */
  async #create(key: string, context: ReadContext): Promise<Known> {
    const head = { ...newHead(newIncarnation()), writtenAt: this.#port.now() };
    const stored = encodeHead(head, newOperationId());
    const result = await this.#port.casHead(key, stored, undefined, [], context);
    if (!result.applied) return result.current === undefined ? this.#read(key, context) : known(result.current);
    const created = known(stored);
    this.#hints.set(key, created);
    return created;
  }

  async #swap(key: string, plan: Plan, current: Known, tries: Tries, context: ReadContext) {
    const stored = encodeHead(plan.next, newOperationId());
    tries.sent = true;
    const { unresolved } = tries;
    // The oldest is kept: once it is settled, later ones are.
    tries.unresolved ??= {
      incarnation: plan.next.incarnation,
      version: plan.next.version - 1,
      creating: current.head === undefined,
    };
    const result = await this.#port.casHead(key, stored, current.token, plan.rows, context);
    if (result.applied) {
      tries.unresolved = undefined;
      const now: Known = { token: stored.token, head: plan.next };
      this.#hints.set(key, now);
      return { applied: true, current: now } as const;
    }
    // A request that was sent twice is refused the second time although the first was applied: the head will tell, if it
    // has not moved on too far, as it may have since a hint was noted.
    if (result.sentOnce === true) tries.unresolved = unresolved;
    const now = result.current === undefined ? await this.#read(key, context) : known(result.current);
    this.#hints.set(key, now);
    return { applied: false, current: now } as const;
  }
}

/**
 * Whether an earlier write of this call, known neither to have happened nor not to, is settled by a head without its
 * operation: if the head has moved on, that write has lost its condition for ever. Not so when it may have happened and
 * left the list of operations since.
 */
function settle(tries: Tries, head: Head | undefined, key: string, remembered: number): void {
  const { unresolved } = tries;
  if (unresolved === undefined) return;
  const sameHead = head?.incarnation === unresolved.incarnation;
  if (unresolved.creating ? sameHead || head === undefined : sameHead) {
    if (head === undefined || head.version - unresolved.version <= remembered) {
      if (head !== undefined && head.version > unresolved.version) tries.unresolved = undefined;
      return;
    }
  } else if (unresolved.creating) {
    // Another one created the head, and a head lives longer than any call.
    tries.unresolved = undefined;
    return;
  }
  const problem = "The write may have been applied, and too many others were since for the store to tell.";
  throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown", key });
}

function answerOf(
  change: Change,
  at: { position: number; removed: number } | undefined,
  read: ReadMessage | undefined,
): { answer: Answer; recorded: Address | number | undefined } {
  switch (change.answers) {
    case "removed message":
      return { answer: read?.payload, recorded: read?.address };
    case "removed count": {
      const removed = at?.removed ?? 0;
      return { answer: removed, recorded: removed };
    }
    case "whether":
      return { answer: at === undefined ? 0 : 1, recorded: 1 };
    case "nothing":
      return { answer: undefined, recorded: undefined };
  }
}

function giveUpWhenAborted({ signal }: ReadContext): void {
  if (signal.aborted) throw chatStoreError("ABORTED", "The operation was given up.");
}

function pieceOf({ source, index }: Address): Piece {
  return [source, index, index + 1];
}

function bytesOf(payloads: readonly Payload[]): number {
  return payloads.reduce((sum, payload) => sum + utf8Length(payload), 0);
}

export function missing(key: string, position: number) {
  const problem = `Message ${position} of conversation ${JSON.stringify(key)} is named by its head and not there.`;
  return chatStoreError("CORRUPT_MESSAGE", problem, { key });
}
