import {
  chatStoreError,
  type Driver,
  type DriverKeys,
  type DriverPage,
  FirstSends,
  type Payload,
  pause,
  type ReadContext,
  type WriteContext,
} from "@chatkeep/chat-store-core/backend";
import { statements } from "./chatkeep-sql.js";
import type { Database, Result, Row } from "./database.js";
import { isContention, mayNotWrite } from "./explain.js";
import { fromStoredKey, rangeOf, toStoredKey } from "./keys.js";
import type { Tables } from "./names.js";
import { entryOf, markerOf, openEntry, recall, timeText } from "./operations.js";
import { named, type Statement } from "./statement.js";

/** Beyond it a conversation is locked first: others write to it faster than a statement can read it. */
const optimisticTries = 3;

/** What a statement that reads before it writes found out. */
interface Outcome {
  version: string;
  /** Has expired. */
  ended: boolean;
  /** Those that are remembered, when the operation is among them or may have been. */
  operations: string | null;
  length: number;
  done: boolean;
  /** Whether the rows are there that the head speaks of. */
  found: boolean;
  /** What else it answered. */
  value: string | null;
}

interface Mutation extends WriteContext {
  /** The server's time when it was first sent, or an earlier one, if it is repeated. */
  readonly since: string | null;
}

/** One row for each message, found by the head of its conversation; each operation is one statement. */
export class ChatkeepLayout implements Driver {
  readonly exactlyOnce = true;
  /** A field has 1 GB; a message goes through memory some times on its way. */
  readonly maxPayloadBytes = 256 * 1024 * 1024;
  readonly #database: Database;
  readonly #sql;
  readonly #ttlMs: number | null;
  readonly #firstSends = new FirstSends();

  constructor(database: Database, tables: Tables, ttlMs: number | undefined) {
    this.#database = database;
    this.#sql = named(statements(tables));
    this.#ttlMs = ttlMs ?? null;
  }

  async append(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    await this.#mutate(key, context, (mutation) => this.#append(key, payloads, false, mutation));
  }

  insert(key: string, index: number, payload: Payload, context: WriteContext): Promise<boolean> {
    return this.#mutate(key, context, async (mutation) => {
      const values = this.#values(key, mutation, entryOf(context.operation, 1), index, payload);
      for (let lost = 0; ; lost++) {
        const outcome = await this.#tryOnce(key, this.#sql.insert, values, lost, context);
        if (outcome?.operations) return (await this.#recalled(key, outcome.operations, context)) === 1;
        if (outcome?.done) return true;
        const length = outcome === undefined || outcome.ended ? 0 : outcome.length;
        if (index > length) {
          if (await this.#changesNothing(key, outcome, 0, context)) return false;
        } else if (length === 0) {
          if (await this.#append(key, [payload], true, mutation)) return true;
        } else if (outcome?.value) {
          await this.#database.run(context.signal, this.#sql.renumber, [values[0], outcome.version, outcome.value]);
        } else if (outcome?.found === false) throw damaged();
      }
    });
  }

  async replace(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    await this.#mutate(key, context, async (mutation) => {
      const values = this.#values(key, mutation, entryOf(context.operation), payloads);
      const { count } = await this.#send(key, this.#sql.replace, values, context);
      if (count === 0) await this.#repeated(key, context);
    });
  }

  async forget(key: string, context: WriteContext): Promise<void> {
    await this.#mutate(key, context, async (mutation) => {
      const statement = mayComeBack(context) ? this.#sql.forget : this.#sql.forgetExisting;
      const values = this.#values(key, mutation, entryOf(context.operation)).slice(0, 4);
      const { count } = await this.#send(key, statement, values, context);
      if (count === 0 && mayComeBack(context)) await this.#repeated(key, context);
    });
  }

  edit(key: string, index: number, payload: Payload, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOut(key, this.#sql.edit, [index, payload], index, context);
  }

  remove(key: string, index: number, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOut(key, this.#sql.remove, [index], index, context);
  }

  pop(key: string, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOut(key, this.#sql.remove, [null], 0, context);
  }

  async trim(key: string, keepLast: number, context: WriteContext): Promise<number> {
    const answer = await this.#change(
      key,
      this.#sql.trim,
      [keepLast],
      ({ length }) => (length > keepLast ? { answer: length - keepLast } : undefined),
      0,
      context,
    );
    return Number(answer ?? 0);
  }

  async readAll(key: string, context: ReadContext): Promise<Payload[]> {
    for (;;) {
      const { rows } = await this.#read(this.#sql.all, [toStoredKey(key)], context);
      if (rows.length > 0) {
        if (rows.length !== Number(rows[0]?.[0])) throw damaged();
        return rows.map((row) => row[1] ?? "");
      }
      if ((await this.count(key, context)) === 0) return [];
      // It has begun, or is damaged: the next look tells.
      const { rows: again } = await this.#read(this.#sql.oldest, [toStoredKey(key), 1], context);
      const [row] = again;
      if (row !== undefined && Number(headOf(row)[2]) > 0 && row[1] === null) throw damaged();
    }
  }

  async readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage> {
    const place = before === undefined ? undefined : parsePlace(before);
    const values = [toStoredKey(key), limit, place?.position ?? null];
    const rows = await this.#readLive(key, this.#sql.page, values, context);
    const [version, , , life, renumbered, cutVersion, cut] = headOf(rows[0]);
    if (place !== undefined) {
      const moved = place.position.includes(".") && place.renumbered !== renumbered;
      // What was at the end was removed, the place with it, and others have taken its position.
      const retaken = cut === "true" && BigInt(cutVersion ?? 0) > BigInt(place.version);
      if (place.life !== life || moved || retaken) throw placeGone();
    }
    const payloads = payloadsOf(rows, 2).reverse();
    const oldest = rows.at(-1)?.[1] ?? null;
    return oldest === null ? { payloads } : { payloads, before: [life, version, renumbered, oldest].join("_") };
  }

  async readOldest(key: string, limit: number, context: ReadContext): Promise<Payload[]> {
    const rows = await this.#readLive(key, this.#sql.oldest, [toStoredKey(key), limit], context);
    return payloadsOf(rows, 1);
  }

  async count(key: string, context: ReadContext): Promise<number> {
    const [row] = await this.#readLive(key, this.#sql.count, [toStoredKey(key)], context);
    return Number(headOf(row)[2] ?? 0);
  }

  async listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    const range = rangeOf(prefix);
    if (range === undefined) return { keys: [] };
    const { rows } = await this.#read(this.#sql.list, [cursor ?? "", range.from, range.to ?? null, limit], context);
    const keys = rows.map(([key]) => key ?? "");
    const all = keys.map(fromStoredKey).filter((key) => key.startsWith(prefix));
    return { keys: all, cursor: keys.length < limit ? undefined : keys.at(-1) };
  }

  /** Deletes what nobody can see or ask for any more; answers how many conversations had expired. */
  async purge(context: ReadContext): Promise<number> {
    let purged = 0;
    for (let after = ""; ; ) {
      const { rows } = await this.#read(this.#sql.span, [after], context);
      const to = rows[0]?.[0];
      if (typeof to !== "string") return purged;
      const { count } = await this.#read(this.#sql.purgeExpired, [after, to], context);
      purged += count;
      await this.#read(this.#sql.purgeEnded, [after, to], context);
      await this.#read(this.#sql.purgeKept, [after, to], context);
      after = to;
    }
  }

  /** The pool is the store's. */
  async close(): Promise<void> {}

  /** Whether it was done: not when it was only to be done in an empty conversation, and this is none. */
  async #append(key: string, payloads: readonly Payload[], onlyFirst: boolean, mutation: Mutation): Promise<boolean> {
    const entry = entryOf(mutation.operation, onlyFirst ? 1 : undefined);
    const values = this.#values(key, mutation, entry, payloads, onlyFirst);
    const { count } = await this.#send(key, this.#sql.append, values, mutation);
    if (count > 0) return true;
    if (onlyFirst) return false;
    await this.#repeated(key, mutation);
    return true;
  }

  async #takeOut(
    key: string,
    statement: Statement,
    more: unknown[],
    index: number,
    context: WriteContext,
  ): Promise<Payload | undefined> {
    const plan = ({ length, value }: Outcome) => (index < length ? { answer: value ?? "" } : undefined);
    const answer = await this.#change(key, statement, more, plan, undefined, context);
    return answer === undefined ? undefined : String(answer);
  }

  /** A change that reads first: done at once, or again when others were quicker, or found to be nothing. */
  #change(
    key: string,
    statement: Statement,
    more: unknown[],
    plan: (outcome: Outcome) => { answer: Payload | number } | undefined,
    nothing: number | undefined,
    context: WriteContext,
  ): Promise<Payload | number | undefined> {
    return this.#mutate(key, context, async (mutation) => {
      const values = this.#values(key, mutation, openEntry(context.operation), ...more);
      for (let lost = 0; ; lost++) {
        const outcome = await this.#tryOnce(key, statement, values, lost, context);
        if (outcome?.operations) return this.#recalled(key, outcome.operations, context);
        const planned = outcome === undefined || outcome.ended ? undefined : plan(outcome);
        if (outcome?.done) return planned?.answer;
        if (planned === undefined) {
          if (await this.#changesNothing(key, outcome, nothing, context)) return nothing;
        } else if (!outcome?.found) throw damaged();
      }
    });
  }

  /** Makes it a fact that there was nothing to be changed; false when that is no longer sure. */
  async #changesNothing(
    key: string,
    outcome: Outcome | undefined,
    answer: number | undefined,
    context: WriteContext,
  ): Promise<boolean> {
    const isRemembered = mayComeBack(context);
    if (outcome === undefined) {
      if (isRemembered) await this.#database.run(context.signal, this.#sql.begin, [toStoredKey(key)]);
      return !isRemembered;
    }
    if (!isRemembered && !outcome.ended) return true;
    const entry = isRemembered ? entryOf(context.operation, answer) : null;
    return this.#settle(key, outcome.version, entry, context);
  }

  /** Sends a statement that reads first. After some tries in vain it is sent in a transaction that has locked the head. */
  async #tryOnce(
    key: string,
    statement: Statement,
    values: unknown[],
    lost: number,
    context: WriteContext,
  ): Promise<Outcome | undefined> {
    const { rows } = await this.#send(key, statement, values, context, lost);
    const [row] = rows;
    if (row === undefined) return undefined;
    const [version, ended, operations, length, done, found, value] = row;
    return {
      version: version ?? "",
      ended: ended === "t",
      operations: operations ?? null,
      length: Number(length),
      done: done === "t",
      found: found === "t",
      value: value ?? null,
    };
  }

  /** Sends a statement until it gets through those of others, which it does at the latest when it has locked the head. */
  async #send(
    key: string,
    statement: Statement,
    values: unknown[],
    { signal }: ReadContext,
    lost = 0,
  ): Promise<Result> {
    for (let tries = lost; ; tries++) {
      try {
        if (tries < optimisticTries) return await this.#database.run(signal, statement, values);
        return await this.#database.transaction(signal, async (send) => {
          await send(this.#sql.lock.text, [toStoredKey(key)]);
          return send(statement.text, values);
        });
      } catch (error) {
        if (!isContention(error) || signal.aborted) throw error;
        await pause(Math.random() * Math.min(500, 5 * 2 ** (tries - lost)), signal);
      }
    }
  }

  async #read(statement: Statement, values: unknown[], { signal }: ReadContext): Promise<Result> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#database.run(signal, statement, values);
      } catch (error) {
        if (!isContention(error) || signal.aborted) throw error;
        await pause(Math.random() * Math.min(500, 5 * 2 ** tries), signal);
      }
    }
  }

  /**
   * Rows that begin with the head; none where there is no head. An expiry that is seen is made a fact first: a write under
   * way might prolong the conversation after all.
   */
  async #readLive(key: string, statement: Statement, values: unknown[], context: ReadContext): Promise<Row[]> {
    for (;;) {
      const { rows } = await this.#read(statement, values, context);
      const [version, ended] = headOf(rows[0]);
      if (ended !== "true") return rows;
      try {
        if (await this.#settle(key, version ?? "", null, context)) return [];
      } catch (error) {
        // A reader without the right to write goes by the clock alone.
        if (mayNotWrite(error)) return [];
        throw error;
      }
    }
  }

  async #settle(key: string, version: string, entry: string | null, context: ReadContext): Promise<boolean> {
    const { count } = await this.#read(this.#sql.settle, [toStoredKey(key), version, entry], context);
    return count > 0;
  }

  /** A write changed nothing because its operation is known, or may be: that it is the same one, or an error. */
  async #repeated(key: string, context: WriteContext): Promise<void> {
    const { rows } = await this.#read(this.#sql.operations, [toStoredKey(key)], context);
    recall(rows[0]?.[0] ?? "", context.operation);
  }

  async #recalled(key: string, operations: string, context: WriteContext): Promise<Payload | number | undefined> {
    const remembered = recall(operations, context.operation);
    if (remembered === undefined) return undefined;
    if ("count" in remembered) return remembered.count;
    const { rows } = await this.#read(this.#sql.kept, [toStoredKey(key), remembered.removedAt], context);
    const payload = rows[0]?.[0];
    if (typeof payload === "string") return payload;
    const problem = "The operation was applied, but what it answered is no longer kept.";
    throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
  }

  /** Sends a mutation: once more, after it has asked for the time, where that alone tells whether it was done before. */
  #mutate<T>(key: string, context: WriteContext, send: (mutation: Mutation) => Promise<T>): Promise<T> {
    const askTime = async () => Number((await this.#read(this.#sql.time, [], context)).rows[0]?.[0]);
    return this.#firstSends.send(key, context, askTime, (since) =>
      send({ ...context, since: since === undefined ? null : timeText(since) }),
    );
  }

  /** Of a statement that changes something. */
  #values(key: string, { since }: Mutation, entry: string, ...more: unknown[]): unknown[] {
    return [toStoredKey(key), markerOf(entry), entry, since, this.#ttlMs, ...more];
  }
}

/** Whether the same operation may be sent again, or a try of it still be under way. */
function mayComeBack({ operation, mayBeApplied }: WriteContext): boolean {
  return operation.fromCaller || mayBeApplied;
}

/** What a read says of the head. */
function headOf(row: Row | undefined): string[] {
  return row?.[0]?.split(" ") ?? [];
}

/** None, where a row has nothing but the head. */
function payloadsOf(rows: readonly Row[], column: number): Payload[] {
  return rows.flatMap((row) => row[column] ?? []);
}

/** The place of a cursor. */
interface Place {
  life: string;
  version: string;
  renumbered: string;
  position: string;
}

function parsePlace(text: string): Place {
  const found = /^(\d{1,18})_(\d{1,18})_(\d{1,18})_(-?\d{1,30}(?:\.\d{1,400})?)$/.exec(text);
  const [, life = "", version = "", renumbered = "", position = ""] = found ?? [];
  if (found === null) throw chatStoreError("INVALID_ARGUMENT", "before is no cursor of this store.");
  return { life, version, renumbered, position };
}

function placeGone() {
  return chatStoreError(
    "CONFLICT",
    "The place of this page is gone: the history was replaced there. Read the newest page.",
  );
}

function damaged() {
  const problem =
    "Rows of this conversation are missing: something else has deleted them. Restore them, or set it anew.";
  return chatStoreError("CORRUPT_MESSAGE", problem);
}
