import type { TableClient, TransactionAction } from "@azure/data-tables";
import { pause, type ReadContext, ServiceClock } from "@chatkeep/chat-store-core/backend";
import { codeOf, noteTries, retryAfter, statusOf, Unanswered } from "./explain.js";
import type { NameRange } from "./keys.js";
import type { TableClientLike } from "./options.js";

/** What an entity holds, as the SDK gives it: Edm.Int64 as bigint, Edm.Binary as bytes. */
export type Entity = Readonly<Record<string, unknown>>;

export interface EntityKey {
  partitionKey: string;
  rowKey: string;
}

export interface NewEntity extends EntityKey {
  [property: string]: unknown;
}

/** What became of a conditional write. */
export type Conditional =
  | { applied: true; etag: string | undefined }
  /** `once`: whether the SDK sent the request no more than once. */
  | { applied: false; once: boolean };

export interface Query {
  filter: string;
  select?: string[];
  /** The most entities that the page may have. */
  most?: number;
  cursor?: string | undefined;
}

/** "Query timeout and pagination": a page has at most so many entities. */
const mostOfPage = 1_000;

/** How often one of many requests is sent again by itself. */
const patientRounds = 5;

/** Of one request with all the tries of the SDK's own. Without it one into the void takes all the time of the operation. */
const requestTimeoutMs = 15_000;

/** One request: how often the SDK sent it, and the service's time. */
interface Call {
  sent: number;
  clock: ServiceClock;
}

/** The requests that are under way, by the signal that each has of its own. */
const calls = new WeakMap<object, Call>();

type Policy = Parameters<TableClient["pipeline"]["addPolicy"]>[0];

/**
 * Watches what the SDK sends, behind its own retries, and changes nothing. A client that was handed in is watched too:
 * what is refused may have been sent and applied before, and only this can tell.
 */
const watch: Policy = {
  name: `chatkeepWatch-${crypto.randomUUID()}`,
  async sendRequest(request, next) {
    const call = request.abortSignal === undefined ? undefined : calls.get(request.abortSignal);
    if (call === undefined) return next(request);
    call.sent++;
    const sent = Date.now();
    const response = await next(request);
    call.clock.note(response.headers.get("date"), sent);
    return response;
  },
};

/** The requests that layouts make on one table. */
export class Requests {
  readonly #client: TableClientLike;
  readonly #clock: ServiceClock;

  constructor(client: TableClientLike, clock = new ServiceClock()) {
    this.#client = client;
    this.#clock = clock;
    const { pipeline } = client;
    if (!pipeline.getOrderedPolicies().includes(watch)) pipeline.addPolicy(watch, { afterPhase: "Retry" });
  }

  now(): number {
    return this.#clock.now();
  }

  /** Undefined when there is none. */
  async get({ partitionKey, rowKey }: EntityKey, context: ReadContext): Promise<Entity | undefined> {
    const { value } = await this.#send(context, isMissing, (options) =>
      this.#client.getEntity<Record<string, unknown>>(partitionKey, rowKey, options),
    );
    return value;
  }

  async query({ filter, select, most, cursor }: Query, context: ReadContext) {
    const queryOptions = { filter, ...(select === undefined ? {} : { select }) };
    const page = () =>
      this.#send(context, never, async (options) => {
        const settings = {
          ...(most === undefined ? {} : { maxPageSize: Math.min(most, mostOfPage) }),
          ...(cursor === undefined ? {} : { continuationToken: cursor }),
        };
        const pages = this.#client.listEntities<Record<string, unknown>>({ ...options, queryOptions }).byPage(settings);
        return (await pages.next()).value as (Entity[] & { continuationToken?: string }) | undefined;
      });
    const { value } = await (cursor === undefined ? page() : patiently(context, page));
    return { entities: [...(value ?? [])], cursor: value?.continuationToken };
  }

  /** A page of the entities of a partition in ranges of RowKeys, one range after the other; of all when there is none. */
  async queryRanges(
    partition: string,
    ranges: readonly NameRange[],
    { most, cursor = "0/" }: { most: number; cursor: string | undefined },
    context: ReadContext,
  ) {
    const slash = cursor.indexOf("/");
    const number = Number(cursor.slice(0, slash));
    const range = ranges[number];
    const bounds = range && ` and RowKey ge ${quoted(range.from)} and RowKey lt ${quoted(range.before)}`;
    const query = { filter: `PartitionKey eq ${quoted(partition)}${bounds ?? ""}`, most };
    const page = await this.query({ ...query, cursor: cursor.slice(slash + 1) || undefined }, context);
    if (page.cursor !== undefined) return { ...page, cursor: `${number}/${page.cursor}` };
    return { ...page, cursor: number + 1 < ranges.length ? `${number + 1}/` : undefined };
  }

  /** Writes an entity whatever is there. */
  async upsert(entity: NewEntity, context: ReadContext): Promise<void> {
    await this.#send(context, never, (options) => this.#client.upsertEntity(entity, "Replace", options));
  }

  /** One transaction; a single action is sent by itself. Refused when one of its conditions does not hold. */
  async transact(actions: readonly TransactionAction[], context: ReadContext): Promise<Conditional> {
    const [first] = actions;
    if (first !== undefined && actions.length === 1) return this.#single(first, context);
    const { value, refused } = await this.#send(context, isRefusal, async (options) => {
      const answer = await this.#client.submitTransaction([...actions], options);
      // The SDK takes what it can't read for an answer without parts.
      if (answer.subResponses.length !== actions.length) throw new Unanswered();
      return answer;
    });
    return refused ?? { applied: true, etag: value?.subResponses[0]?.etag };
  }

  async #single([action, entity, ...rest]: TransactionAction, context: ReadContext): Promise<Conditional> {
    const [mode = "Replace", condition] = rest;
    const { partitionKey, rowKey } = entity;
    const { value, refused } = await this.#send(context, isRefusal, async (options) => {
      if (action === "create") return this.#client.createEntity(entity, options);
      if (action === "update") return this.#client.updateEntity(entity, mode, { ...options, ...condition });
      if (action === "upsert") return this.#client.upsertEntity(entity, mode, options);
      await this.#client.deleteEntity(partitionKey, rowKey, options);
      return {};
    });
    return refused ?? { applied: true, etag: value?.etag };
  }

  /** Whether it did: the entity was there, and as it was when it had this ETag. */
  async delete({ partitionKey, rowKey }: EntityKey, etag: string, context: ReadContext): Promise<Conditional> {
    const { refused } = await this.#send(context, isRefusal, (options) =>
      this.#client.deleteEntity(partitionKey, rowKey, { ...options, etag }),
    );
    return refused ?? { applied: true, etag: undefined };
  }

  /** Makes the table if there is none. */
  async createTable(context: ReadContext): Promise<void> {
    await this.#send(context, isThere, (options) => this.#client.createTable(options));
  }

  async #send<T>(
    { signal }: ReadContext,
    isExpected: (error: unknown) => boolean,
    run: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<{ value?: T; refused?: { applied: false; once: boolean } }> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    const timer = setTimeout(abort, requestTimeoutMs);
    const call: Call = { sent: 0, clock: this.#clock };
    calls.set(controller.signal, call);
    try {
      return { value: await run({ abortSignal: controller.signal }) };
    } catch (error) {
      if (isExpected(error)) return { refused: { applied: false, once: call.sent === 1 } };
      throw noteTries(error, call.sent);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }
}

/**
 * Sends one of the many requests of an operation again when the service refuses it for now: if the whole operation had to
 * begin anew, a long one would never come to its end. Not for the one that decides.
 */
export async function patiently<T>({ signal }: ReadContext, send: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await send();
    } catch (error) {
      const busy = [429, 449, 503].includes(statusOf(error));
      if (!busy || round > patientRounds || signal.aborted) throw error;
      await pause((retryAfter(error) ?? 0) + Math.random() * 50 * 2 ** round, signal);
    }
  }
}

const never = () => false;

/** The table, when it is to be made, or the entity. */
function isThere(error: unknown): boolean {
  return statusOf(error) === 409 && codeOf(error) !== "TableBeingDeleted";
}

/** There is no such entity, though there is the table. */
function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && codeOf(error) !== "TableNotFound";
}

/** "Table service error codes": there already, changed since, or not there. */
function isRefusal(error: unknown): boolean {
  return statusOf(error) === 412 || isMissing(error) || isThere(error);
}

/** Text in a filter. OData knows one escape: a quote is written twice. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
