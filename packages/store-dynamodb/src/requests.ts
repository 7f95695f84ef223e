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
import {
  abortSignalOf,
  batches,
  inParallel,
  pause,
  type ReadContext,
  ServiceClock,
} from "@chatkeep/chat-store-core/backend";
import { Unprocessed } from "./explain.js";
import type { DynamoDBClientLike } from "./options.js";

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
/** How often the rest of a batch is sent again. */
const batchRounds = 8;

/** The requests that layouts make, on one table: strongly consistent, watched by the clock, given up with the operation. */
export class Requests {
  readonly #client: DynamoDBClientLike;
  readonly #table: string;
  readonly #clock = new ServiceClock();

  constructor(client: DynamoDBClientLike, table: string) {
    this.#client = client;
    this.#table = table;
  }

  now(): number {
    return this.#clock.now();
  }

  async get(key: Item, context: ReadContext): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.#table, Key: key, ConsistentRead: true });
    return (await this.#client.send(watched(command, this.#clock), options(context))).Item;
  }

  put(input: Input<PutItemCommandInput>, context: ReadContext): Promise<Conditional> {
    const command = new PutItemCommand({ ...input, ...allOld, TableName: this.#table });
    return conditional(() => this.#client.send(watched(command, this.#clock), options(context)));
  }

  update(input: Input<UpdateItemCommandInput>, context: ReadContext): Promise<Conditional> {
    const command = new UpdateItemCommand({ ...input, ...allOld, TableName: this.#table });
    return conditional(() => this.#client.send(watched(command, this.#clock), options(context)));
  }

  delete(input: Input<DeleteItemCommandInput>, context: ReadContext): Promise<Conditional> {
    const command = new DeleteItemCommand({ ...input, ...allOld, TableName: this.#table });
    return conditional(() => this.#client.send(watched(command, this.#clock), options(context)));
  }

  query(input: Input<QueryCommandInput>, context: ReadContext): Promise<QueryCommandOutput> {
    const command = new QueryCommand({ ...input, TableName: this.#table });
    return this.#client.send(watched(command, this.#clock), options(context));
  }

  scan(input: Input<ScanCommandInput>, context: ReadContext): Promise<ScanCommandOutput> {
    const command = new ScanCommand({ ...input, TableName: this.#table });
    return this.#client.send(watched(command, this.#clock), options(context));
  }

  /** Items by their keys, in any order, without those that are not there. */
  async getMany(keys: readonly Item[], context: ReadContext): Promise<Item[]> {
    const found: Item[] = [];
    await inParallel(
      batches(keys, { count: mostGets, bytes: Number.POSITIVE_INFINITY }, () => 0),
      async (batch) => {
        let wanted = batch;
        for (let round = 0; wanted.length > 0; round++) {
          await this.#beforeRound(round, context);
          const command = new BatchGetItemCommand({
            RequestItems: { [this.#table]: { Keys: wanted, ConsistentRead: true } },
          });
          const { Responses, UnprocessedKeys } = await this.#client.send(
            watched(command, this.#clock),
            options(context),
          );
          found.push(...Object.values(Responses ?? {}).flat());
          wanted = Object.values(UnprocessedKeys ?? {}).flatMap(({ Keys }) => Keys ?? []);
        }
      },
    );
    return found;
  }

  /** Puts and deletes, in any order. `bytes` is about the size of one. */
  async writeMany<T>(
    writes: readonly T[],
    of: (each: T) => { request: WriteRequest; bytes: number },
    context: ReadContext,
  ) {
    const limits = { count: mostWrites, bytes: batchBytes };
    const all = batches(writes.map(of), limits, ({ bytes }) => bytes);
    await inParallel(all, async (batch) => {
      let rest = batch.map(({ request }) => request);
      for (let round = 0; rest.length > 0; round++) {
        await this.#beforeRound(round, context);
        const command = new BatchWriteItemCommand({ RequestItems: { [this.#table]: rest } });
        const { UnprocessedItems } = await this.#client.send(watched(command, this.#clock), options(context));
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

/** The part of any command's middleware stack that is used here; the SDK's own types differ with each command. */
interface Watchable {
  middlewareStack: {
    add(
      middleware: (next: (args: unknown) => Promise<Reply>) => (args: unknown) => Promise<Reply>,
      options: { step: "deserialize"; priority: "low"; name: string },
    ): void;
  };
}

interface Reply {
  response?: { headers?: Record<string, string | undefined> | undefined } | undefined;
}

/** Makes a command note the time of its replies. On the command, because a client may not be ours to change. */
function watched<Command extends object>(command: Command, clock: ServiceClock): Command {
  const { middlewareStack } = command as unknown as Watchable;
  middlewareStack.add(
    (next) => async (args) => {
      const sent = Date.now();
      const reply = await next(args);
      clock.note(reply.response?.headers?.date, sent);
      return reply;
    },
    // Innermost, so that each try of the SDK's own counts by itself, and an answer that is an error too.
    { step: "deserialize", priority: "low", name: "chatkeepServiceClock" },
  );
  return command;
}

function options(context: ReadContext) {
  const abortSignal = abortSignalOf(context) as AbortSignal | undefined;
  return abortSignal === undefined ? {} : { abortSignal };
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
