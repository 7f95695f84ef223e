import type { Entity } from "../../../packages/store-azure/src/requests.js";
import { Forgotten } from "./forgotten.js";
import { BrokenRule } from "./service.js";
import type { Stored } from "./world.js";

export interface StoredEntity {
  etag: string;
  properties: Entity;
}

/** An action of a transaction, with all that the service is told of it. */
export interface Action {
  kind: "create" | "upsert" | "update" | "delete";
  /** Upserts and updates: whether properties that are not named stay. */
  merges: boolean;
  /** The ETag that it must have; any when it is `"*"`. */
  etag: string;
  partitionKey: string;
  rowKey: string;
  properties: Entity;
}

/** A refusal as the service tells it. */
export interface Refusal {
  status: number;
  code: string;
}

export interface TableLimits {
  /** Entities of a page. */
  page: number;
  /** Actions of a transaction. */
  actions: number;
  /** Whether entities come in the order of their RowKeys, as in Table Storage, or in another. */
  ordered: boolean;
}

type Partition = Map<string, StoredEntity>;

/** Two tables of Azure: partitions of entities. Every method is one atomic step. */
export class AzureTables implements Stored {
  clock = 1_000_000_000;
  moment = 0;
  readonly forgotten = new Forgotten();
  readonly limits: TableLimits;
  /** By table and PartitionKey. */
  readonly #partitions = new Map<string, Partition>();
  #etags = 0;

  constructor(limits: TableLimits) {
    this.limits = limits;
  }

  take(other: this): void {
    this.forgotten.take(other.forgotten);
    this.#partitions.clear();
    for (const [name, partition] of other.#partitions) this.#partitions.set(name, new Map(partition));
    this.clock = other.clock;
    this.#etags = other.#etags;
  }

  /** Entities of a partition by RowKey. */
  rows(table: string, partitionKey: string): [rowKey: string, entity: StoredEntity][] {
    return [...this.#partition(table, partitionKey)].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get(table: string, partitionKey: string, rowKey: string): StoredEntity | undefined {
    return this.#partition(table, partitionKey).get(rowKey);
  }

  /** A page of a partition, of RowKeys in a range; from an entity on, or the first. */
  page(
    table: string,
    partitionKey: string,
    { from, before, most, next }: { from: string; before: string | undefined; most: number; next: string | undefined },
  ): { rows: [string, StoredEntity][]; next?: string | undefined } {
    const place = (rowKey: string) => (this.limits.ordered ? rowKey : scattered(rowKey));
    const rest = this.rows(table, partitionKey)
      .filter(([rowKey]) => rowKey >= from && (before === undefined || rowKey < before))
      .sort(([a], [b]) => (place(a) < place(b) ? -1 : 1))
      .filter(([rowKey]) => next === undefined || place(rowKey) >= next);
    const length = Math.min(most, this.limits.page);
    const [behind] = rest[length] ?? [];
    return { rows: rest.slice(0, length), next: behind === undefined ? undefined : place(behind) };
  }

  /** All of the actions, or none: then the first that was refused says why. */
  transact(table: string, actions: readonly Action[]): { etags: (string | undefined)[] } | Refusal {
    const [first] = actions;
    if (first === undefined) throw new BrokenRule("a transaction of nothing");
    const { partitionKey } = first;
    if (actions.some((each) => each.partitionKey !== partitionKey))
      throw new BrokenRule("a transaction of two partitions");
    if (new Set(actions.map(({ rowKey }) => rowKey)).size < actions.length) {
      throw new BrokenRule("a transaction with two actions on an entity");
    }
    if (actions.length > this.limits.actions) throw new BrokenRule(`a transaction of ${actions.length} actions`);
    const before = this.#partition(table, partitionKey);
    const after = new Map(before);
    const etags: (string | undefined)[] = [];
    for (const { kind, merges, etag, rowKey, properties } of actions) {
      const there = after.get(rowKey);
      if (kind === "create" && there !== undefined) return { status: 409, code: "EntityAlreadyExists" };
      if (kind === "update" || kind === "delete") {
        if (there === undefined) return { status: 404, code: "ResourceNotFound" };
        if (etag !== "*" && etag !== there.etag) return { status: 412, code: "UpdateConditionNotSatisfied" };
      }
      if (kind === "delete") {
        after.delete(rowKey);
        etags.push(undefined);
        continue;
      }
      const entity = {
        etag: `W/"${++this.#etags}"`,
        properties: merges ? { ...there?.properties, ...properties } : properties,
      };
      after.set(rowKey, entity);
      etags.push(entity.etag);
    }
    this.#partitions.set(nameOf(table, partitionKey), after);
    const moment = ++this.moment;
    this.forgotten.noteDocument(partitionKey, anchorOf(after)?.chatkeepEnd === false, moment);
    this.forgotten.noteMarker(partitionKey, markerIn(before), markerIn(after), moment);
    return { etags };
  }

  #partition(table: string, partitionKey: string): Partition {
    return this.#partitions.get(nameOf(table, partitionKey)) ?? new Map();
  }
}

/** What the first entity holds; of a conversation that has ended, it says so. */
function anchorOf(partition: Partition): Entity | undefined {
  const [first = ""] = [...partition.keys()].sort();
  const anchor = partition.get(first);
  return anchor && { chatkeepEnd: false, ...anchor.properties };
}

function markerIn(partition: Partition): string | undefined {
  const marker = anchorOf(partition)?.chatkeep;
  return typeof marker === "string" ? marker : undefined;
}

function nameOf(table: string, partitionKey: string): string {
  return `${table} ${partitionKey}`;
}

/** An order that has nothing to do with that of the texts. */
function scattered(rowKey: string): string {
  let hash = 7;
  for (let i = 0; i < rowKey.length; i++) hash = Math.imul(hash, 31) + rowKey.charCodeAt(i) * 2_654_435;
  return `${(hash >>> 0).toString(16).padStart(8, "0")}${rowKey}`;
}
