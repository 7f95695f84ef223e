import type { Driver, DriverKeys, DriverPage, Operation, WriteContext } from "../backend/driver.js";
import { invalid } from "../backend/validate.js";
import { chatStoreError } from "../errors.js";
import type { Kept } from "../messages/codec.js";

/** How many of a conversation's last operations with ids of callers are remembered. */
const rememberedOperations = 64;
/** How long those of a conversation that has ended are remembered, in milliseconds. */
const rememberEndedMs = 24 * 60 * 60 * 1000;
/** Conversations looked at for expiry with each write. */
const sweptPerWrite = 2;

interface Entry {
  /**
   * Rises along the history, by 1 where nothing was inserted. An insert takes the middle of its neighbours: for some 30
   * times at one spot of a million messages, and 40 of a thousand, until all places are given anew.
   */
  readonly place: number;
  readonly payload: Kept;
}

type Answer = Kept | number | boolean | undefined;

interface Conversation {
  entries: Entry[];
  /** The highest place of this life, be its entry still there or not: what is appended is newer than all that was. */
  highest: number;
  /** Changes whenever places lose their meaning: cursors of another life lead nowhere. */
  life: number;
  /** When it ends (as long as it has entries), or may be dropped (when it has none); in milliseconds. */
  until: number;
  /** The answers to operations whose ids came from callers. */
  readonly answers: Map<string, Remembered>;
}

interface Remembered {
  fingerprint: string;
  answer: Answer;
}

/** Somebody who keeps what the driver holds in a second place. */
export interface ChangeObserver {
  /** Awaited before every change; what it throws refuses the change. */
  beforeChange(): Promise<void>;
  /** Told after every change. */
  changed(): void;
}

/** A conversation as it is written to and read from a file. */
export interface StoredConversation {
  key: string;
  payloads: Kept[];
  /** In milliseconds; absent when it does not expire. */
  expiresAt?: number | undefined;
}

/** Keeps conversations in this process. Every operation is one synchronous step, and so atomic. */
export class MemoryDriver implements Driver<Kept> {
  readonly exactlyOnce = true;
  readonly #conversations = new Map<string, Conversation>();
  readonly #ttlMs: number;
  #lives = 0;
  #sweep: MapIterator<[string, Conversation]> | undefined;
  observer: ChangeObserver | undefined;

  constructor(ttlMs = Number.POSITIVE_INFINITY) {
    this.#ttlMs = ttlMs;
  }

  async append(key: string, payloads: readonly Kept[], { operation }: WriteContext): Promise<void> {
    await this.#change(key, operation, (conversation) => {
      for (const payload of payloads) conversation.entries.push({ place: ++conversation.highest, payload });
      return true;
    });
  }

  async insert(key: string, index: number, payload: Kept, { operation }: WriteContext): Promise<boolean> {
    return this.#change(key, operation, (conversation) => {
      const { entries } = conversation;
      if (index > entries.length) return false;
      const before = entries[index - 1]?.place;
      const after = entries[index]?.place;
      let place: number;
      if (after === undefined) place = ++conversation.highest;
      else place = before === undefined ? after - 1 : (before + after) / 2;
      entries.splice(index, 0, { place, payload });
      if (place === before || place === after) {
        const payloads = entries.map((entry) => entry.payload);
        this.#renew(conversation, payloads);
      }
      return true;
    });
  }

  async replace(key: string, payloads: readonly Kept[], { operation }: WriteContext): Promise<void> {
    await this.#change(key, operation, (conversation) => {
      this.#renew(conversation, payloads);
      return true;
    });
  }

  async forget(key: string, { operation }: WriteContext): Promise<void> {
    // A number, for `false` is a refusal: one that found nothing is done too, and its repeat must not take what came later.
    await this.#change(key, operation, ({ entries }) => entries.splice(0).length);
  }

  async edit(key: string, index: number, payload: Kept, { operation }: WriteContext): Promise<Kept | undefined> {
    return this.#change(key, operation, ({ entries }) => {
      const entry = entries[index];
      if (entry !== undefined) entries[index] = { place: entry.place, payload };
      return entry?.payload;
    });
  }

  async remove(key: string, index: number, { operation }: WriteContext): Promise<Kept | undefined> {
    return this.#change(key, operation, ({ entries }) => entries.splice(index, 1)[0]?.payload);
  }

  async pop(key: string, { operation }: WriteContext): Promise<Kept | undefined> {
    return this.#change(key, operation, ({ entries }) => entries.pop()?.payload);
  }

  async trim(key: string, keepLast: number, { operation }: WriteContext): Promise<number> {
    return this.#change(key, operation, ({ entries }) => {
      const surplus = Math.max(0, entries.length - keepLast);
      entries.splice(0, surplus);
      return surplus;
    });
  }

  async readAll(key: string): Promise<Kept[]> {
    return this.#entries(key).map((entry) => entry.payload);
  }

  async readPage(key: string, limit: number, before: string | undefined): Promise<DriverPage<Kept>> {
    const entries = this.#entries(key);
    const end = before === undefined ? entries.length : this.#find(key, before);
    const start = Math.max(0, end - limit);
    const payloads = entries.slice(start, end).map((entry) => entry.payload);
    const first = entries[start];
    if (start === 0 || first === undefined) return { payloads };
    return { payloads, before: `${this.#conversations.get(key)?.life}/${first.place}` };
  }

  async readOldest(key: string, limit: number): Promise<Kept[]> {
    return this.#entries(key)
      .slice(0, limit)
      .map((entry) => entry.payload);
  }

  async count(key: string): Promise<number> {
    return this.#entries(key).length;
  }

  async listKeys(prefix: string): Promise<DriverKeys> {
    return {
      keys: [...this.#conversations.keys()].filter((key) => key.startsWith(prefix) && this.#entries(key).length > 0),
    };
  }

  async close(): Promise<void> {}

  /** All that lives, in the order in which the conversations began. */
  *stored(): Generator<StoredConversation> {
    for (const [key, { until }] of this.#conversations) {
      const payloads = this.#entries(key).map((entry) => entry.payload);
      if (payloads.length > 0) yield { key, payloads, ...(Number.isFinite(until) ? { expiresAt: until } : {}) };
    }
  }

  /** Takes over what a file holds. One that says nothing of an expiry lives as long as if it were written now. */
  load({ key, payloads, expiresAt }: StoredConversation): void {
    const conversation: Conversation = {
      entries: [],
      highest: 0,
      life: 0,
      until: expiresAt ?? Date.now() + this.#ttlMs,
      answers: new Map(),
    };
    this.#renew(conversation, payloads);
    if (payloads.length > 0) this.#conversations.set(key, conversation);
  }

  #entries(key: string): readonly Entry[] {
    const conversation = this.#conversations.get(key);
    return conversation === undefined || conversation.until <= Date.now() ? [] : conversation.entries;
  }

  /** Position of the place that a cursor names: of the first entry at or after it. */
  #find(key: string, cursor: string): number {
    const [, life, place] = /^(\d+)\/(-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(cursor) ?? [];
    if (life === undefined) throw invalid("before is no cursor of this store.");
    const entries = this.#entries(key);
    if (entries.length === 0 || this.#conversations.get(key)?.life !== Number(life)) {
      throw chatStoreError(
        "CONFLICT",
        "The history that this page belonged to was replaced or has ended. Read the newest page.",
      );
    }
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle]?.place ?? 0) < Number(place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Applies a mutation once: the same operation again only gets its answer again. An answer that is undefined, false or 0
   * says that nothing was to be changed.
   */
  async #change<A extends Answer>(key: string, operation: Operation, apply: (c: Conversation) => A): Promise<A> {
    if (this.observer !== undefined) await this.observer.beforeChange();
    const now = Date.now();
    this.#dropEnded(now);
    const conversation = this.#conversations.get(key) ?? {
      entries: [],
      highest: 0,
      life: ++this.#lives,
      until: now,
      answers: new Map(),
    };
    const { fromCaller } = operation;
    const known = fromCaller ? conversation.answers.get(operation.id) : undefined;
    if (known !== undefined) {
      if (known.fingerprint === operation.fingerprint) return known.answer as A;
      throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
    }
    if (conversation.until <= now) this.#renew(conversation, []);

    const answer = apply(conversation);
    // An insert beyond the end is refused, and what was refused is not remembered.
    if (fromCaller && answer !== false) remember(conversation.answers, operation, answer);
    const ended = conversation.entries.length === 0;
    if (ended) conversation.life = ++this.#lives;
    if (ended || answer) conversation.until = now + (ended ? rememberEndedMs : this.#ttlMs);
    if (ended && conversation.answers.size === 0) this.#conversations.delete(key);
    else this.#conversations.set(key, conversation);
    if (answer) this.observer?.changed();
    return answer;
  }

  #renew(conversation: Conversation, payloads: readonly Kept[]): void {
    conversation.life = ++this.#lives;
    conversation.entries = payloads.map((payload, index) => ({ place: index + 1, payload }));
    conversation.highest = payloads.length;
  }

  /** A few at a time, round and round, so that what nobody asks for again does not stay for ever. */
  #dropEnded(now: number): void {
    for (let i = 0; i < sweptPerWrite; i++) {
      this.#sweep ??= this.#conversations.entries();
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = undefined;
        return;
      }
      const [key, conversation] = next.value;
      if (conversation.until > now) continue;
      if (conversation.entries.length === 0 || conversation.answers.size === 0) this.#conversations.delete(key);
      else {
        this.#renew(conversation, []);
        conversation.until = now + rememberEndedMs;
      }
    }
  }
}

function remember(answers: Map<string, Remembered>, { id, fingerprint }: Operation, answer: Answer): void {
  answers.set(id, { fingerprint, answer });
  const oldest = answers.keys().next();
  if (answers.size > rememberedOperations && !oldest.done) answers.delete(oldest.value);
}
