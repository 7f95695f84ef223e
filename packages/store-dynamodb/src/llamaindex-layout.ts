import type { AttributeValue, UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import {
  chatStoreError,
  type DocumentPort,
  type DocumentResult,
  type DocumentWrite,
  type Expected,
  type ListedDocument,
  type ReadContext,
  type StoredDocument,
} from "@chatkeep/chat-store-core/backend";
import { toAttribute, toPayload } from "./attribute-json.js";
import type { Conditional, Item, Requests } from "./requests.js";

export type HistoryItem = StoredDocument<AttributeValue>;

const historyAttribute = "History";
const markerAttribute = "Chatkeep";

/** Beyond it a list is written whole instead of naming each item that goes: an expression has at most 4 KB. */
const mostRemoved = 100;

export interface LlamaIndexNames {
  primaryKey: string;
  ttlAttribute: string;
}

/** LlamaIndex Python's own layout: one item per conversation, the history a list of maps in it. */
export class LlamaIndexLayout implements DocumentPort<AttributeValue, HistoryItem> {
  /** JSON takes at most six bytes for what is one in the item, which has 400 KB: anything above can't fit. */
  readonly maxPayloadBytes = 6 * 400 * 1024;
  readonly appendsUnseen = true;
  /** As LlamaIndex writes it: whole seconds. */
  readonly expiryUnitMs = 1000;
  readonly toItem = toAttribute;
  readonly toPayload = toPayload;
  readonly #requests: Requests;
  readonly #names: LlamaIndexNames;

  constructor(requests: Requests, names: LlamaIndexNames) {
    this.#requests = requests;
    this.#names = names;
  }

  now(): number {
    return this.#requests.now();
  }

  /** One GetItem. */
  async read(key: string, context: ReadContext): Promise<HistoryItem | undefined> {
    return this.#documentOf(await this.#requests.get(this.#key(key), context));
  }

  /** One UpdateItem, with what changes only: an append sends the new messages. */
  async write(
    key: string,
    { change, items = [], marker, expiresAt }: DocumentWrite<AttributeValue>,
    expected: Expected<HistoryItem>,
    context: ReadContext,
  ): Promise<DocumentResult<HistoryItem>> {
    const expression = new Expression();
    const history = expression.name(historyAttribute);
    const ttl = expression.name(this.#names.ttlAttribute);
    const set = [`${expression.name(markerAttribute)} = ${expression.value({ S: marker })}`];
    const remove: string[] = [];
    if (change.kind === "append") {
      set.push(`${history} = list_append(${history}, ${expression.value({ L: [...change.items] })})`);
    } else if (change.kind === "put") {
      set.push(`${history}[${change.index}] = ${expression.value(change.item)}`);
    } else if (change.kind === "set" || change.count > mostRemoved) {
      set.push(`${history} = ${expression.value({ L: [...items] })}`);
    } else {
      for (let i = 0; i < change.count; i++) remove.push(`${history}[${change.from + i}]`);
    }
    if (expiresAt === undefined) remove.push(ttl);
    else set.push(`${ttl} = ${expression.value(secondsOf(expiresAt))}`);

    const input: Omit<UpdateItemCommandInput, "TableName"> = {
      Key: this.#key(key),
      UpdateExpression: `SET ${set.join(", ")}${remove.length > 0 ? ` REMOVE ${remove.join(", ")}` : ""}`,
      ConditionExpression: this.#condition(expression, expected),
      ...expression.parts(),
    };
    try {
      return this.#resultOf(await this.#requests.update(input, context));
    } catch (error) {
      throw isTooLarge(error) && (error.$metadata?.attempts ?? 1) === 1 ? tooLarge() : error;
    }
  }

  /** One DeleteItem. */
  async delete(
    key: string,
    expected: Expected<HistoryItem>,
    context: ReadContext,
  ): Promise<DocumentResult<HistoryItem>> {
    const expression = new Expression();
    const ConditionExpression = this.#condition(expression, expected);
    const input = { Key: this.#key(key), ConditionExpression, ...expression.parts() };
    return this.#resultOf(await this.#requests.delete(input, context));
  }

  /** One DeleteItem. */
  async deleteExpired(key: string, expiresAt: number, context: ReadContext): Promise<boolean> {
    const { applied } = await this.#requests.delete(
      {
        Key: this.#key(key),
        ConditionExpression: "#ttl = :ttl",
        ExpressionAttributeNames: { "#ttl": this.#names.ttlAttribute },
        ExpressionAttributeValues: { ":ttl": secondsOf(expiresAt) },
      },
      context,
    );
    return applied;
  }

  /** One Scan for each 1 MB of the table. */
  async list(
    _prefix: string,
    limit: number,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ documents: ListedDocument[]; cursor?: string | undefined }> {
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
    const documents = (page.Items ?? []).flatMap((item) => {
      const key = item[this.#names.primaryKey]?.S;
      const empty = (item[historyAttribute]?.L?.length ?? 0) === 0;
      return key === undefined ? [] : [{ key, empty, expiresAt: this.#expiryOf(item) }];
    });
    return { documents, cursor: page.LastEvaluatedKey?.[this.#names.primaryKey]?.S };
  }

  #key(key: string): Item {
    return { [this.#names.primaryKey]: { S: key } };
  }

  #expiryOf(item: Item): number | undefined {
    const ttl = item[this.#names.ttlAttribute]?.N;
    return ttl === undefined ? undefined : Number(ttl) * 1000;
  }

  #documentOf(item: Item | undefined): HistoryItem | undefined {
    if (item === undefined) return undefined;
    const { [historyAttribute]: history, [markerAttribute]: marker } = item;
    if (history?.L === undefined) {
      const problem = `The item of this conversation has no list ${historyAttribute}: it is another application's, or damaged.`;
      throw chatStoreError("CORRUPT_MESSAGE", problem);
    }
    return { items: history.L, marker: marker?.S, expiresAt: this.#expiryOf(item) };
  }

  #resultOf(result: Conditional): DocumentResult<HistoryItem> {
    if (result.applied) return result;
    return { applied: false, sentOnce: result.once, current: { document: this.#documentOf(result.item) } };
  }

  #condition(expression: Expression, expected: Expected<HistoryItem>): string {
    const { primaryKey, ttlAttribute } = this.#names;
    if (expected === "nothing") return `attribute_not_exists(${expression.name(primaryKey)})`;
    const marker = expression.name(markerAttribute);
    if ("marker" in expected) return `${marker} = ${expression.value({ S: expected.marker })}`;
    const { items, marker: unreadable, expiresAt } = expected.document;
    const ttl = expression.name(ttlAttribute);
    return [
      unreadable === undefined
        ? `attribute_not_exists(${marker})`
        : `${marker} = ${expression.value({ S: unreadable })}`,
      `${expression.name(historyAttribute)} = ${expression.value({ L: [...items] })}`,
      expiresAt === undefined ? `attribute_not_exists(${ttl})` : `${ttl} = ${expression.value(secondsOf(expiresAt))}`,
    ].join(" AND ");
  }
}

function secondsOf(milliseconds: number): AttributeValue {
  return { N: String(milliseconds / 1000) };
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

function isTooLarge(error: unknown): error is Error & { $metadata?: { attempts?: number } } {
  return error instanceof Error && error.name === "ValidationException" && /item size/i.test(error.message);
}

function tooLarge() {
  return chatStoreError(
    "MESSAGE_TOO_LARGE",
    'The conversation would be larger than the 400 KB of its item. Trim it with trimMessages, or keep conversations in the layout "chatkeep", which has no such limit.',
  );
}
