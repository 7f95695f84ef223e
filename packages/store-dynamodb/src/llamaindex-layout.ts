import type { AttributeValue, UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import {
  chatStoreError,
  type Driver,
  type DriverKeys,
  type DriverPage,
  type Operation,
  type Payload,
  pause,
  type ReadContext,
  Turns,
  type WriteContext,
} from "@chatkeep/chat-store-core/backend";
import { toAttribute, toPayload } from "./attribute-json.js";
import { follows, type KeptAnswer, type Marker, markerAttribute, nextMarker, parseMarker } from "./marker.js";
import type { Conditional, Item, Requests } from "./requests.js";

const historyAttribute = "History";

/** Beyond it a list is written whole instead of naming each item that goes: an expression has at most 4 KB. */
const mostRemoved = 100;

/** Conversations of which the marker is remembered. */
const mostHints = 1_000;

/** What an item holds. */
interface State {
  exists: boolean;
  /** Undefined where only the marker is known. */
  history: readonly AttributeValue[] | undefined;
  marker: Marker | undefined;
  /** In seconds since 1970. */
  ttl: number | undefined;
}

type Answer = Payload | number | boolean | undefined;

/** What to do to a history, given what it is; undefined when nothing changes. */
interface Change {
  do:
    | { kind: "append"; items: readonly AttributeValue[] }
    | { kind: "set"; items: readonly AttributeValue[] }
    | { kind: "put"; index: number; item: AttributeValue }
    | { kind: "remove"; from: number; count: number }
    | { kind: "forget" };
  answer: Answer;
  kept: KeptAnswer;
}

interface Mutation {
  /** Whether the history must be known. */
  needsHistory: boolean;
  plan: (history: readonly AttributeValue[], exists: boolean) => Change | { nothing: Answer };
}

/** What a call knows of its own tries. */
interface Tries {
  /** A write that may have happened, or may yet. */
  uncertain?: { base: State; change: Change } | undefined;
}

export interface LlamaIndexNames {
  primaryKey: string;
  ttlAttribute: string;
  ttlMs: number | undefined;
}

/**
 * LlamaIndex Python's own layout: one item per conversation, the history a list of maps in it. Every write of ours is
 * conditional on the item being the one that it was made for, so that none of ours is lost or torn, and a repeated one
 * is refused.
 */
export class LlamaIndexLayout implements Driver {
  readonly exactlyOnce = true;
  /** JSON takes at most six bytes for what is one in the item, which has 400 KB: anything above can't fit. */
  readonly maxPayloadBytes = 6 * 400 * 1024;
  readonly #requests: Requests;
  readonly #names: LlamaIndexNames;
  readonly #turns = new Turns();
  readonly #tries = new WeakMap<Operation, Tries>();
  readonly #hints = new Map<string, State>();

  constructor(requests: Requests, names: LlamaIndexNames) {
    this.#requests = requests;
    this.#names = names;
  }

  async append(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    const items = payloads.map(toAttribute);
    const plan = () => ({ do: { kind: "append", items }, answer: undefined, kept: null }) as const;
    await this.#mutate(key, { needsHistory: false, plan }, context);
  }

  async insert(key: string, index: number, payload: Payload, context: WriteContext): Promise<boolean> {
    const item = toAttribute(payload);
    const done = await this.#change(key, context, (history) => {
      if (index > history.length) return { nothing: false };
      if (index === history.length) return { do: { kind: "append", items: [item] }, answer: true, kept: true };
      const items = [...history.slice(0, index), item, ...history.slice(index)];
      return { do: { kind: "set", items }, answer: true, kept: true };
    });
    return done === true;
  }

  async replace(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    const items = payloads.map(toAttribute);
    const plan = () => ({ do: { kind: "set", items }, answer: undefined, kept: null }) as const;
    await this.#mutate(key, { needsHistory: false, plan }, context);
  }

  async forget(key: string, context: WriteContext): Promise<void> {
    await this.#change(key, context, (_history, exists) =>
      exists ? { do: { kind: "forget" }, answer: undefined, kept: null } : { nothing: undefined },
    );
  }

  async edit(key: string, index: number, payload: Payload, context: WriteContext): Promise<Payload | undefined> {
    const item = toAttribute(payload);
    return this.#takeOne(key, context, (history) => ({ index, old: history[index], put: item }));
  }

  async remove(key: string, index: number, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOne(key, context, (history) => ({ index, old: history[index] }));
  }

  async pop(key: string, context: WriteContext): Promise<Payload | undefined> {
    return this.#takeOne(key, context, (history) => ({ index: history.length - 1, old: history.at(-1) }));
  }

  async trim(key: string, keepLast: number, context: WriteContext): Promise<number> {
    const removed = await this.#change(key, context, (history) => {
      const count = Math.max(0, history.length - keepLast);
      return count === 0 ? { nothing: 0 } : { do: { kind: "remove", from: 0, count }, answer: count, kept: count };
    });
    return Number(removed);
  }

  async readAll(key: string, context: ReadContext): Promise<Payload[]> {
    return (await this.#readLive(key, context)).map(toPayload);
  }

  async readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage> {
    if (before !== undefined && !/^\d{1,9}$/.test(before)) {
      throw chatStoreError("INVALID_ARGUMENT", "before is no cursor of this store.");
    }
    const history = await this.#readLive(key, context);
    const end = before === undefined ? history.length : Number(before);
    if (end > history.length || (before !== undefined && end === 0)) {
      const problem = "The history that this page belonged to was changed there or has ended. Read the newest page.";
      throw chatStoreError("CONFLICT", problem);
    }
    const start = Math.max(0, end - limit);
    const payloads = history.slice(start, end).map(toPayload);
    return start === 0 ? { payloads } : { payloads, before: String(start) };
  }

  async readOldest(key: string, limit: number, context: ReadContext): Promise<Payload[]> {
    return (await this.#readLive(key, context)).slice(0, limit).map(toPayload);
  }

  async count(key: string, context: ReadContext): Promise<number> {
    return (await this.#readLive(key, context)).length;
  }

  async listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    const { items, cursor: next } = await this.#scan(limit, cursor, context);
    const live = items.filter(({ key, empty, ttl }) => key.startsWith(prefix) && !empty && !this.#isOver(ttl));
    return { keys: live.map(({ key }) => key), cursor: next };
  }

  /** Deletes items that have expired, and that no write has prolonged since; answers how many. */
  async purge(context: ReadContext): Promise<number> {
    let purged = 0;
    let cursor: string | undefined;
    do {
      const page = await this.#scan(1_000, cursor, context);
      for (const { key, ttl } of page.items) {
        if (ttl === undefined || !this.#isOver(ttl)) continue;
        const { applied } = await this.#requests.delete(
          {
            Key: this.#key(key),
            ConditionExpression: "#ttl = :ttl",
            ExpressionAttributeNames: { "#ttl": this.#names.ttlAttribute },
            ExpressionAttributeValues: { ":ttl": { N: String(ttl) } },
          },
          context,
        );
        this.#hints.delete(key);
        if (applied) purged++;
      }
      cursor = page.cursor;
    } while (cursor !== undefined && !context.signal.aborted);
    return purged;
  }

  async close(): Promise<void> {}

  #key(key: string): Item {
    return { [this.#names.primaryKey]: { S: key } };
  }

  #isOver(ttl: number | undefined): boolean {
    return ttl !== undefined && ttl * 1000 <= this.#requests.now();
  }

  async #read(key: string, context: ReadContext): Promise<State> {
    return this.#stateOf(await this.#requests.get(this.#key(key), context));
  }

  #stateOf(item: Item | undefined): State {
    if (item === undefined) return { exists: false, history: [], marker: undefined, ttl: undefined };
    const { [historyAttribute]: history, [markerAttribute]: marker, [this.#names.ttlAttribute]: ttl } = item;
    if (history?.L === undefined) {
      const problem = `The item of this conversation has no list ${historyAttribute}: it is another application's, or damaged.`;
      throw chatStoreError("CORRUPT_MESSAGE", problem);
    }
    return {
      exists: true,
      history: history.L,
      marker: parseMarker(marker?.S),
      ttl: ttl?.N === undefined ? undefined : Number(ttl.N),
    };
  }

  async #readLive(key: string, context: ReadContext): Promise<readonly AttributeValue[]> {
    const { history = [], ttl } = await this.#read(key, context);
    return this.#isOver(ttl) ? [] : history;
  }

  async #scan(limit: number, cursor: string | undefined, context: ReadContext) {
    const page = await this.#requests.scan(
      {
        ConsistentRead: true,
        ProjectionExpression: "#key, #ttl, #history[0]",
        ExpressionAttributeNames: {
          "#key": this.#names.primaryKey,
          "#ttl": this.#names.ttlAttribute,
          "#history": historyAttribute,
        },
        Limit: limit,
        ExclusiveStartKey: cursor === undefined ? undefined : this.#key(cursor),
      },
      context,
    );
    const items = (page.Items ?? []).flatMap((item) => {
      const key = item[this.#names.primaryKey]?.S;
      const ttl = item[this.#names.ttlAttribute]?.N;
      const empty = (item[historyAttribute]?.L?.length ?? 0) === 0;
      return key === undefined ? [] : [{ key, empty, ttl: ttl === undefined ? undefined : Number(ttl) }];
    });
    return { items, cursor: page.LastEvaluatedKey?.[this.#names.primaryKey]?.S };
  }

  /** Takes one message out, or puts another in its place, and answers it. */
  async #takeOne(
    key: string,
    context: WriteContext,
    find: (history: readonly AttributeValue[]) => {
      index: number;
      old: AttributeValue | undefined;
      put?: AttributeValue;
    },
  ): Promise<Payload | undefined> {
    const answer = await this.#change(key, context, (history) => {
      const { index, old, put } = find(history);
      if (old === undefined) return { nothing: undefined };
      const change = { answer: toPayload(old), kept: "body" } as const;
      if (put === undefined) return { do: { kind: "remove", from: index, count: 1 }, ...change };
      return { do: { kind: "put", index, item: put }, ...change };
    });
    return typeof answer === "string" ? answer : undefined;
  }

  #change(key: string, context: WriteContext, plan: Mutation["plan"]): Promise<Answer> {
    return this.#mutate(key, { needsHistory: true, plan }, context);
  }

  #mutate(key: string, mutation: Mutation, context: WriteContext): Promise<Answer> {
    return this.#turns.take(key, context.signal, () => this.#attempt(key, mutation, context));
  }

  async #attempt(key: string, { needsHistory, plan }: Mutation, context: WriteContext): Promise<Answer> {
    const { operation } = context;
    const tries = this.#tries.get(operation) ?? {};
    this.#tries.set(operation, tries);

    const hint =
      needsHistory || tries.uncertain !== undefined || operation.fromCaller ? undefined : this.#hints.get(key);
    let state = hint ?? (await this.#read(key, context));
    for (let lost = 0; ; lost++) {
      if (context.signal.aborted) throw chatStoreError("ABORTED", "The operation was given up.");
      const repeated = this.#repeated(state, operation, tries);
      if (repeated !== undefined) return repeated.answer;

      // A try that is repeated on the same item must not come to another result: either may be the one that happens.
      const again = tries.uncertain?.change;
      const expired = this.#isOver(state.ttl);
      const change = again ?? plan(expired ? [] : (state.history ?? []), state.exists);
      if ("nothing" in change) return change.nothing;
      const next = nextMarker(state.marker, operation, change.kept);
      const base = state;
      tries.uncertain = { base, change };
      this.#hints.delete(key);
      const { result, ttl } = await this.#send(key, change, base, expired, next, context);
      if (result.applied) {
        tries.uncertain = undefined;
        if (change.do.kind !== "forget") {
          this.#hint(key, { exists: true, history: undefined, marker: next, ttl });
        }
        return change.answer;
      }
      // Sent once and refused: it can never happen.
      if (result.once && again === undefined) tries.uncertain = undefined;
      state = this.#stateOf(result.item);
      const applied = findOperation(state.marker, operation) !== undefined;
      // The network may have sent twice what we sent once.
      if (applied) {
        tries.uncertain = undefined;
        return change.answer;
      }
      await pause(Math.random() * Math.min(500, 5 * 2 ** lost), context.signal);
    }
  }

  #hint(key: string, state: State): void {
    this.#hints.set(key, state);
    const oldest = this.#hints.keys().next();
    if (this.#hints.size > mostHints && !oldest.done) this.#hints.delete(oldest.value);
  }

  /** The answer, when the item says that the operation has been applied; settles what is uncertain, or throws that it can't. */
  #repeated(state: State, operation: Operation, tries: Tries): { answer: Answer } | undefined {
    const { uncertain } = tries;
    const applied = findOperation(state.marker, operation);
    if (applied !== undefined) {
      if (applied.fingerprint !== operation.fingerprint) {
        throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
      }
      if (uncertain !== undefined) return { answer: uncertain.change.answer };
      if (applied.answer === "body") {
        const problem = "The operation was applied, but this layout does not keep what it answered.";
        throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
      }
      return { answer: applied.answer ?? undefined };
    }
    if (uncertain === undefined) return undefined;

    const { base, change } = uncertain;
    if (isSame(base, state)) return undefined;
    if (base.marker !== undefined && state.marker !== undefined && follows(state.marker, base.marker)) {
      // The item has moved on without it, so that its condition will never hold again.
      tries.uncertain = undefined;
      return undefined;
    }
    // Whoever it was, the conversation has ended since.
    if (change.do.kind === "forget" && (!state.exists || (state.marker && state.marker.life !== base.marker?.life))) {
      return { answer: undefined };
    }
    const problem = "The write may have been applied, and the item was changed since so that the store can't tell.";
    throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
  }

  async #send(
    key: string,
    { do: change }: Change,
    base: State,
    expired: boolean,
    marker: Marker,
    context: ReadContext,
  ): Promise<{ result: Conditional; ttl: number | undefined }> {
    const { primaryKey, ttlAttribute, ttlMs } = this.#names;
    const expression = new Expression();
    const condition = this.#condition(expression, base);
    if (change.kind === "forget") {
      const result = await this.#requests.delete(
        { Key: this.#key(key), ConditionExpression: condition, ...expression.parts() },
        context,
      );
      return { result, ttl: undefined };
    }

    const history = expression.name(historyAttribute);
    const set = [`${expression.name(markerAttribute)} = ${expression.value({ S: marker.text })}`];
    const remove: string[] = [];
    const whole = (items: readonly AttributeValue[]) => set.push(`${history} = ${expression.value({ L: [...items] })}`);
    const old = expired ? [] : (base.history ?? []);
    if (change.kind === "set" || ((expired || !base.exists) && change.kind === "append")) whole(change.items);
    else if (change.kind === "append") {
      set.push(`${history} = list_append(${history}, ${expression.value({ L: [...change.items] })})`);
    } else if (change.kind === "put") set.push(`${history}[${change.index}] = ${expression.value(change.item)}`);
    else if (change.count > mostRemoved) whole(old.slice(change.from + change.count));
    else for (let i = 0; i < change.count; i++) remove.push(`${history}[${change.from + i}]`);

    // As LlamaIndex: whole seconds, and anew with every write. Rounded up, so that nothing expires too soon.
    const ttl = ttlMs === undefined ? undefined : Math.ceil((this.#requests.now() + ttlMs) / 1000);
    if (ttl !== undefined) set.push(`${expression.name(ttlAttribute)} = ${expression.value({ N: String(ttl) })}`);
    else if (base.ttl !== undefined) remove.push(expression.name(ttlAttribute));
    const input: Omit<UpdateItemCommandInput, "TableName"> = {
      Key: { [primaryKey]: { S: key } },
      UpdateExpression: `SET ${set.join(", ")}${remove.length > 0 ? ` REMOVE ${remove.join(", ")}` : ""}`,
      ConditionExpression: condition,
      ...expression.parts(),
    };
    try {
      return { result: await this.#requests.update(input, context), ttl };
    } catch (error) {
      throw isTooLarge(error) && (error.$metadata?.attempts ?? 1) === 1 ? tooLarge() : error;
    }
  }

  /** That the item is the one that was read: by our marker, or, when Python wrote it, by all that it holds. */
  #condition(expression: Expression, { exists, history, marker, ttl }: State): string {
    const { primaryKey, ttlAttribute } = this.#names;
    if (!exists) return `attribute_not_exists(${expression.name(primaryKey)})`;
    const markerName = expression.name(markerAttribute);
    if (marker !== undefined) return `${markerName} = ${expression.value({ S: marker.text })}`;
    const ttlName = expression.name(ttlAttribute);
    return [
      `attribute_not_exists(${markerName})`,
      `${expression.name(historyAttribute)} = ${expression.value({ L: [...(history ?? [])] })}`,
      ttl === undefined ? `attribute_not_exists(${ttlName})` : `${ttlName} = ${expression.value({ N: String(ttl) })}`,
    ].join(" AND ");
  }
}

/** Names and values of an expression: any name may be a reserved word. */
class Expression {
  readonly #names = new Map<string, string>();
  readonly #values: Item = {};
  #count = 0;

  name(attribute: string): string {
    const known = this.#names.get(attribute) ?? `#n${this.#names.size}`;
    this.#names.set(attribute, known);
    return known;
  }

  value(value: AttributeValue): string {
    const name = `:v${this.#count++}`;
    this.#values[name] = value;
    return name;
  }

  parts() {
    return {
      ExpressionAttributeNames: Object.fromEntries([...this.#names].map(([attribute, name]) => [name, attribute])),
      ...(this.#count > 0 ? { ExpressionAttributeValues: this.#values } : {}),
    };
  }
}

function findOperation(marker: Marker | undefined, { id }: Operation) {
  return marker?.operations.find((each) => each.id === id);
}

function isSame(base: State, state: State): boolean {
  if (base.exists !== state.exists || base.marker?.text !== state.marker?.text) return false;
  if (!base.exists || base.marker !== undefined) return true;
  return base.ttl === state.ttl && JSON.stringify(base.history) === JSON.stringify(state.history);
}

function isTooLarge(error: unknown): error is Error & { $metadata?: { attempts?: number } } {
  return error instanceof Error && error.name === "ValidationException" && /item size/i.test(error.message);
}

function tooLarge() {
  return chatStoreError(
    "MESSAGE_TOO_LARGE",
    'The conversation would be larger than the 400 KB of its item. Trim it with trimMessages, or keep conversations in the layout "chatkeep", which has no such limit.',
  );
}
