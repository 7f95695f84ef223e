import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type ConditionalCheckFailedException,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
  ScanCommand,
  type ScanCommandInput,
  type ScanCommandOutput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
  type WriteRequest,
} from "@aws-sdk/client-dynamodb";
import type { ReadContext } from "@chatkeep/chat-store-core/backend";
import { Unprocessed } from "./explain.js";
import type { DynamoDBClientLike } from "./options.js";
import { pause } from "./pause.js";
import type { ServiceClock } from "./service-clock.js";

export type Item = Record<string, AttributeValue>;

/** Without what is the same for all requests of a store. */
type Input<Full> = Omit<Full, "TableName">;

/** What became of a conditional write. */
export type Conditional =
  | { applied: true }
  /** The item as it is instead; undefined when there is none. `once`: whether the SDK sent the request no more than once. */
  | { applied: false; item: Item | undefined; once: boolean };

/** API reference, BatchWriteItem and BatchGetItem. */
const mostWrites = 25;
const mostGets = 100;
/** Of the 16 MB that a batch may have: more requests at a time instead of larger ones. */
const batchBytes = 2_000_000;
/** Requests of one operation under way at the same time. */
const parallel = 8;
/** How often the rest of a batch is sent again. */
const batchRounds = 8;

/** The requests that layouts make, on one table: strongly consistent, watched by the clock, given up with the operation. */
export class Requests {
  readonly #client: DynamoDBClientLike;
  readonly #table: string;
  readonly #clock: ServiceClock;

  constructor(client: DynamoDBClientLike, table: string, clock: ServiceClock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  async get(key: Item, context: ReadContext): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.#table, Key: key, ConsistentRead: true });
    return (await this.#client.send(this.#clock.watch(command), options(context))).Item;
  }

  put(input: Input<PutItemCommandInput>, context: ReadContext): Promise<Conditional> {
    const command = new PutItemCommand({ ...input, ...allOld, TableName: this.#table });
    return conditional(() => this.#client.send(this.#clock.watch(command), options(context)));
  }

  update(input: Input<UpdateItemCommandInput>, context: ReadContext): Promise<Conditional> {
    const command = new UpdateItemCommand({ ...input, ...allOld, TableName: this.#table });
    return conditional(() => this.#client.send(this.#clock.watch(command), options(context)));
  }

  delete(input: Input<DeleteItemCommandInput>, context: ReadContext): Promise<Conditional> {
    const command = new DeleteItemCommand({ ...input, ...allOld, TableName: this.#table });
    return conditional(() => this.#client.send(this.#clock.watch(command), options(context)));
  }

  query(input: Input<QueryCommandInput>, context: ReadContext): Promise<QueryCommandOutput> {
    const command = new QueryCommand({ ...input, TableName: this.#table });
    return this.#client.send(this.#clock.watch(command), options(context));
  }

  scan(input: Input<ScanCommandInput>, context: ReadContext): Promise<ScanCommandOutput> {
    const command = new ScanCommand({ ...input, TableName: this.#table });
    return this.#client.send(this.#clock.watch(command), options(context));
  }

  /** Items by their keys, in any order, without those that are not there. */
  async getMany(keys: readonly Item[], context: ReadContext): Promise<Item[]> {
    const found: Item[] = [];
    await inParallel(chunks(keys, mostGets), async (chunk) => {
      let wanted = [...chunk];
      for (let round = 0; wanted.length > 0; round++) {
        await this.#beforeRound(round, context);
        const command = new BatchGetItemCommand({
          RequestItems: { [this.#table]: { Keys: wanted, ConsistentRead: true } },
        });
        const { Responses, UnprocessedKeys } = await this.#client.send(this.#clock.watch(command), options(context));
        found.push(...Object.values(Responses ?? {}).flat());
        wanted = Object.values(UnprocessedKeys ?? {}).flatMap(({ Keys }) => Keys ?? []);
      }
    });
    return found;
  }

  /** Puts and deletes, in any order. `bytes` is about the size of one. */
  async writeMany<T>(
    writes: readonly T[],
    of: (each: T) => { request: WriteRequest; bytes: number },
    context: ReadContext,
  ) {
    const batches: WriteRequest[][] = [];
    let batch: WriteRequest[] = [];
    let size = 0;
    for (const each of writes) {
      const { request, bytes } = of(each);
      if (batch.length === mostWrites || (batch.length > 0 && size + bytes > batchBytes)) {
        batches.push(batch);
        batch = [];
        size = 0;
      }
      batch.push(request);
      size += bytes;
    }
    if (batch.length > 0) batches.push(batch);

    await inParallel(batches, async (requests) => {
      let rest = requests;
      for (let round = 0; rest.length > 0; round++) {
        await this.#beforeRound(round, context);
        const command = new BatchWriteItemCommand({ RequestItems: { [this.#table]: rest } });
        const { UnprocessedItems } = await this.#client.send(this.#clock.watch(command), options(context));
        rest = Object.values(UnprocessedItems ?? {}).flat();
      }
    });
  }

  /** "Batch operations and error handling": what was left undone is sent again, with exponential backoff. */
  async #beforeRound(round: number, { signal }: ReadContext): Promise<void> {
    if (round === 0) return;
    if (round > batchRounds) throw new Unprocessed();
    await pause(Math.random() * Math.min(2_000, 50 * 2 ** round), signal);
    if (signal.aborted) throw new Unprocessed();
  }
}

const allOld = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;

function options({ signal }: ReadContext) {
  return { abortSignal: signal as AbortSignal };
}

async function conditional(send: () => Promise<unknown>): Promise<Conditional> {
  try {
    await send();
    return { applied: true };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { applied: false, item: error.Item, once: (error.$metadata.attempts ?? 1) === 1 };
  }
}

/** By name: an injected client may be of another copy of the SDK. */
function isRefusal(error: unknown): error is ConditionalCheckFailedException {
  return error instanceof Error && error.name === "ConditionalCheckFailedException";
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** Runs a task for each, some at a time; rejects with the first failure, when none is under way any more. */
export async function inParallel<T>(list: readonly T[], task: (each: T) => Promise<void>): Promise<void> {
  const queue = list.values();
  let failed = false;
  const worker = async () => {
    for (const each of queue) {
      if (failed) return;
      try {
        await task(each);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(parallel, list.length) }, worker));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
