import { chatStoreError } from "../../errors.js";
import type { Payload } from "../../messages/codec.js";
import type { Driver, DriverKeys, DriverPage, Operation, ReadContext, WriteContext } from "../driver.js";
import { OfCallers } from "../of-callers.js";
import { hashText } from "../operation.js";
import { pause } from "../pause.js";
import { RecentMap } from "../recent-map.js";
import { Turns } from "../turns.js";
import { invalid } from "../validate.js";
import { findOperation, follows, isIn, type KeptAnswer, type Marker, nextMarker, parseMarker } from "./marker.js";
import type { DocumentChange, DocumentPort, DocumentResult, DocumentWrite, Expected, StoredDocument } from "./port.js";

/** Conversations of which the marker is remembered. */
const mostHints = 1_000;

/** What is known of a document: all of it, or only what our last write left there. */
interface State<Document> {
  exists: boolean;
  document: Document | undefined;
  marker: Marker | undefined;
  expiresAt: number | undefined;
}

type Answer = Payload | number | boolean | undefined;

/** What to do to a history. */
type Step<Item> = Exclude<DocumentChange<Item>, { kind: "set" }> | { kind: "replace"; items: readonly Item[] };

interface Change<Item> {
  do: Step<Item> | { kind: "forget" };
  answer: Answer;
  kept: KeptAnswer;
}

interface Mutation<Item> {
  /** Whether the history must be known. */
  needsItems: boolean;
  plan: (items: readonly Item[], exists: boolean) => Change<Item> | { nothing: Answer };
}

/** Enough of a document to tell whether it is still the same. */
interface Seen {
  exists: boolean;
  marker: Marker | undefined;
  /** A hash of all that a document without a marker holds. */
  held: string | undefined;
}

/** A change of one document. */
interface Planned<Item> {
  change: Change<Item>;
  /** The history that it was planned for: none when that had expired. Undefined when it is not known. */
  old: readonly Item[] | undefined;
  /** What it leaves. */
  marker: Marker;
  /** Whether the time to live begins anew: not with what changes nothing. */
  renews: boolean;
}

/** A write that may have happened, or may yet. */
interface Uncertain<Item> {
  /** What it was made for. */
  base: Seen;
  forgets: boolean;
  /** Known to the call that made it. */
  planned?: Planned<Item> | undefined;
}

/** What a call knows of its own tries. */
interface Tries<Item> {
  uncertain?: Uncertain<Item> | undefined;
}

/** What is not the port's to say. */
export interface DocumentDriverOptions {
  /** How long after its last write a conversation expires, in milliseconds; never when absent. */
  ttlMs?: number | undefined;
}

/**
 * A conversation in one document, in the format of another program that knows nothing of us. Every write of ours is
 * conditional on the document being the one that it was made for, so that none of ours is lost or torn, and a repeated
 * one is refused. The other program may overwrite what it has not seen.
 */
export class DocumentDriver<Item, Document extends StoredDocument<Item>> implements Driver {
  readonly exactlyOnce = true;
  readonly maxPayloadBytes: number;
  readonly #port: DocumentPort<Item, Document>;
  readonly #ttlMs: number | undefined;
  readonly #turns = new Turns();
  readonly #tries = new WeakMap<Operation, Tries<Item>>();
  /** Writes of earlier calls that may have happened, also those that did. */
  readonly #ofCallers = new OfCallers<Uncertain<Item>>();
  readonly #hints = new RecentMap<State<Document>>(mostHints);

  constructor(port: DocumentPort<Item, Document>, options: DocumentDriverOptions = {}) {
    this.#port = port;
    this.#ttlMs = options.ttlMs;
    this.maxPayloadBytes = port.maxPayloadBytes;
  }

  async append(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    const items = payloads.map(this.#port.toItem);
    const plan = () => ({ do: { kind: "append", items }, answer: undefined, kept: null }) as const;
    await this.#mutate(key, { needsItems: !this.#port.appendsUnseen, plan }, context);
  }

  async insert(key: string, index: number, payload: Payload, context: WriteContext): Promise<boolean> {
    const item = this.#port.toItem(payload);
    const done = await this.#change(key, context, (items) => {
      if (index > items.length) return { nothing: false };
      if (index === items.length) return { do: { kind: "append", items: [item] }, answer: true, kept: true };
      return { do: { kind: "replace", items: items.toSpliced(index, 0, item) }, answer: true, kept: true };
    });
    return done === true;
  }

  async replace(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    const items = payloads.map(this.#port.toItem);
    const plan = () => ({ do: { kind: "replace", items }, answer: undefined, kept: null }) as const;
    await this.#mutate(key, { needsItems: false, plan }, context);
  }

  async forget(key: string, context: WriteContext): Promise<void> {
    await this.#change(key, context, (_items, exists) =>
      exists ? { do: { kind: "forget" }, answer: undefined, kept: null } : { nothing: undefined },
    );
  }

  async edit(key: string, index: number, payload: Payload, context: WriteContext): Promise<Payload | undefined> {
    const item = this.#port.toItem(payload);
    return this.#takeOne(key, () => index, { kind: "put", item }, context);
  }

  async remove(key: string, index: number, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOne(key, () => index, { kind: "remove", count: 1 }, context);
  }

  async pop(key: string, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOne(key, (length) => length - 1, { kind: "remove", count: 1 }, context);
  }

  async trim(key: string, keepLast: number, context: WriteContext): Promise<number> {
    const removed = await this.#change(key, context, (items) => {
      const count = Math.max(0, items.length - keepLast);
      return count === 0 ? { nothing: 0 } : { do: { kind: "remove", from: 0, count }, answer: count, kept: count };
    });
    return Number(removed);
  }

  async readAll(key: string, context: ReadContext): Promise<Payload[]> {
    return (await this.#readLive(key, context)).map(this.#port.toPayload);
  }

  async readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage> {
    if (before !== undefined && !/^\d{1,9}$/.test(before)) throw invalid("before is no cursor of this store.");
    const items = await this.#readLive(key, context);
    const end = before === undefined ? items.length : Number(before);
    if (end > items.length || (before !== undefined && end === 0)) {
      const problem = "The history that this page belonged to was changed there or has ended. Read the newest page.";
      throw chatStoreError("CONFLICT", problem);
    }
    const start = Math.max(0, end - limit);
    const payloads = items.slice(start, end).map(this.#port.toPayload);
    return start === 0 ? { payloads } : { payloads, before: String(start) };
  }

  async readOldest(key: string, limit: number, context: ReadContext): Promise<Payload[]> {
    return (await this.#readLive(key, context)).slice(0, limit).map(this.#port.toPayload);
  }

  async count(key: string, context: ReadContext): Promise<number> {
    return (await this.#readLive(key, context)).length;
  }

  async listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    const page = await this.#port.list(prefix, limit, cursor, context);
    const live = page.documents.filter(
      ({ key, empty, expiresAt }) => key.startsWith(prefix) && !empty && !this.#isOver(expiresAt),
    );
    return { keys: live.map(({ key }) => key), cursor: page.cursor };
  }

  /** Deletes documents that have expired, and that no write has prolonged since; answers how many. */
  async purge(context: ReadContext): Promise<number> {
    let purged = 0;
    let cursor: string | undefined;
    do {
      const page = await this.#port.list("", 1_000, cursor, context);
      for (const { key, expiresAt } of page.documents) {
        if (expiresAt === undefined || !this.#isOver(expiresAt)) continue;
        this.#hints.delete(key);
        if (await this.#port.deleteExpired(key, expiresAt, context)) purged++;
      }
      cursor = page.cursor;
    } while (cursor !== undefined && !context.signal.aborted);
    return purged;
  }

  async close(): Promise<void> {}

  #isOver(expiresAt: number | undefined): boolean {
    return expiresAt !== undefined && expiresAt <= this.#port.now();
  }

  async #readLive(key: string, context: ReadContext): Promise<readonly Item[]> {
    const document = await this.#port.read(key, context);
    return document === undefined || this.#isOver(document.expiresAt) ? [] : document.items;
  }

  /** Takes one message out, or puts another in its place, and answers it. */
  async #takeOne(
    key: string,
    position: (length: number) => number,
    change: { kind: "put"; item: Item } | { kind: "remove"; count: 1 },
    context: WriteContext,
  ): Promise<Payload | undefined> {
    const answer = await this.#change(key, context, (items) => {
      const index = position(items.length);
      const old = items[index];
      if (old === undefined) return { nothing: undefined };
      const what = change.kind === "put" ? { ...change, index } : { ...change, from: index };
      return { do: what, answer: this.#port.toPayload(old), kept: "body" };
    });
    return typeof answer === "string" ? answer : undefined;
  }

  #change(key: string, context: WriteContext, plan: Mutation<Item>["plan"]): Promise<Answer> {
    return this.#mutate(key, { needsItems: true, plan }, context);
  }

  #mutate(key: string, mutation: Mutation<Item>, context: WriteContext): Promise<Answer> {
    return this.#turns.take(key, context.signal, () => this.#attempt(key, mutation, context));
  }

  async #attempt(key: string, { needsItems, plan }: Mutation<Item>, context: WriteContext): Promise<Answer> {
    const { operation } = context;
    const tries = this.#tries.get(operation) ?? { uncertain: this.#ofCallers.get(key, operation) };
    this.#tries.set(operation, tries);

    const mayGuess = !needsItems && tries.uncertain === undefined && !operation.fromCaller;
    let state = (mayGuess ? this.#hints.get(key) : undefined) ?? (await this.#read(key, context));
    for (let lost = 0; ; lost++) {
      if (context.signal.aborted) throw chatStoreError("ABORTED", "The operation was given up.");
      const repeated = this.#repeated(state, operation, tries);
      if (repeated !== undefined) return repeated.answer;
      if (tries.uncertain === undefined) this.#ofCallers.note(key, operation, undefined);

      // A try that is repeated on the same document must not come to another result: either may be the one that happens.
      const again = tries.uncertain?.planned;
      const planned = again ?? this.#plan(state, operation, plan);
      if ("nothing" in planned) return planned.nothing;
      const { change, old, marker } = planned;
      const expiresAt = planned.renews ? this.#nextExpiry() : state.expiresAt;
      const earlier = tries.uncertain;
      const uncertain = { base: seenOf(state), forgets: change.do.kind === "forget" };
      tries.uncertain = { ...uncertain, planned };
      this.#ofCallers.note(key, operation, uncertain);
      this.#hints.delete(key);
      const expected = expectedOf(state);
      const result =
        change.do.kind === "forget"
          ? await this.#port.delete(key, expected, context)
          : await this.#port.write(
              key,
              { ...applied(change.do, old), marker: marker.text, expiresAt },
              expected,
              context,
            );
      if (result.applied) {
        tries.uncertain = undefined;
        if (change.do.kind !== "forget") {
          this.#hints.set(key, { exists: true, document: undefined, marker, expiresAt });
        }
        return change.answer;
      }
      // Sent once and refused: it can never happen.
      if (result.sentOnce && again === undefined) {
        tries.uncertain = earlier;
        this.#ofCallers.note(key, operation, earlier);
      }
      state = await this.#current(key, result, context);
      // The network may have sent twice what we sent once.
      if (isIn(state.marker, marker)) {
        tries.uncertain = undefined;
        return change.answer;
      }
      await pause(Math.random() * Math.min(500, 5 * 2 ** lost), context.signal);
    }
  }

  #plan(
    { exists, document, expiresAt, marker }: State<Document>,
    operation: Operation,
    plan: Mutation<Item>["plan"],
  ): Planned<Item> | { nothing: Answer } {
    const isOver = this.#isOver(expiresAt);
    const old = !exists || isOver ? [] : document?.items;
    const found = plan(old ?? [], exists);
    const isNothing = "nothing" in found;
    // A caller's operation that found nothing to do must find nothing when it comes again. A rejected one may.
    if (isNothing && (!operation.fromCaller || !exists || found.nothing === false)) return found;
    const change = isNothing ? noChange<Item>(found.nothing) : found;
    return { change, old, marker: nextMarker(marker, operation, change.kept), renews: !isNothing || isOver };
  }

  async #current(
    key: string,
    { current }: Extract<DocumentResult<Document>, { applied: false }>,
    context: ReadContext,
  ): Promise<State<Document>> {
    return current === undefined ? this.#read(key, context) : stateOf(current.document);
  }

  async #read(key: string, context: ReadContext): Promise<State<Document>> {
    return stateOf(await this.#port.read(key, context));
  }

  /** Rounded up, so that nothing expires too soon. */
  #nextExpiry(): number | undefined {
    if (this.#ttlMs === undefined) return undefined;
    const unit = this.#port.expiryUnitMs;
    return Math.ceil((this.#port.now() + this.#ttlMs) / unit) * unit;
  }

  /** The answer, when the document says that the operation has been applied; settles what is uncertain, or throws that it can't. */
  #repeated(state: State<Document>, operation: Operation, tries: Tries<Item>): { answer: Answer } | undefined {
    const { uncertain } = tries;
    const applied = findOperation(state.marker, operation);
    if (applied !== undefined) {
      if (applied.fingerprint !== operation.fingerprint) {
        throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
      }
      const planned = uncertain?.planned;
      if (planned !== undefined && isIn(state.marker, planned.marker)) return { answer: planned.change.answer };
      if (applied.answer === "body") {
        const problem = "The operation was applied, but this layout does not keep what it answered.";
        throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
      }
      return { answer: applied.answer ?? undefined };
    }
    if (uncertain === undefined) return undefined;

    const { base, forgets } = uncertain;
    if (isSame(base, seenOf(state))) return undefined;
    if (base.marker !== undefined && state.marker !== undefined && follows(state.marker, base.marker)) {
      // The document has moved on without it, so that its condition will never hold again.
      tries.uncertain = undefined;
      return undefined;
    }
    // Whoever it was, the conversation has ended since. One that another program wrote gets a marker while it goes on.
    const livesAnew = base.marker !== undefined && state.marker !== undefined && state.marker.life !== base.marker.life;
    if (forgets && (!state.exists || livesAnew)) return { answer: undefined };
    const problem =
      "The write may have been applied, and the conversation was changed since so that the store can't tell.";
    throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
  }
}

function stateOf<Item, Document extends StoredDocument<Item>>(document: Document | undefined): State<Document> {
  return {
    exists: document !== undefined,
    document,
    marker: parseMarker(document?.marker),
    expiresAt: document?.expiresAt,
  };
}

/** What leaves nothing but its marker. */
function noChange<Item>(answer: Answer): Change<Item> {
  return { do: { kind: "append", items: [] }, answer, kept: typeof answer === "number" ? answer : null };
}

/** That the document is the one that was read: by our marker, or, when another program wrote it, by all that it holds. */
function expectedOf<Document>({ marker, document }: State<Document>): Expected<Document> {
  if (marker !== undefined) return { marker: marker.text };
  return document === undefined ? "nothing" : { document };
}

/** A step given what is there, as far as that is known. */
function applied<Item>(
  step: Step<Item>,
  old: readonly Item[] | undefined,
): Pick<DocumentWrite<Item>, "change" | "items"> {
  switch (step.kind) {
    case "replace":
      return { change: { kind: "set" }, items: step.items };
    case "append":
      if (old === undefined) return { change: step, items: undefined };
      return { change: old.length === 0 ? { kind: "set" } : step, items: [...old, ...step.items] };
    case "put":
      return { change: step, items: old?.with(step.index, step.item) };
    case "remove":
      return { change: step, items: old?.toSpliced(step.from, step.count) };
  }
}

function seenOf<Item, Document extends StoredDocument<Item>>({ exists, marker, document }: State<Document>): Seen {
  const held = marker === undefined && document !== undefined ? hashText(JSON.stringify(document)) : undefined;
  return { exists, marker, held };
}

function isSame(base: Seen, now: Seen): boolean {
  return base.exists === now.exists && base.marker?.text === now.marker?.text && base.held === now.held;
}
