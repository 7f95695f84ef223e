import type { TableClientLike } from "../../../packages/store-azure/src/options.js";
import type { Action, AzureTables, Refusal, StoredEntity } from "./azure-tables.js";
import type { RequestKind, Send } from "./world.js";

type Client = TableClientLike;
type Policy = Parameters<Client["pipeline"]["addPolicy"]>[0];
type Entity = Record<string, unknown>;
interface Sending {
  abortSignal?: AbortSignal | undefined;
}
interface Condition extends Sending {
  etag?: string | undefined;
}

/** As far as it is used of the SDK's client, on tables in memory: each method is one request. */
export function azureClient(send: Send<AzureTables>, table: string): Client {
  const policies: Policy[] = [];

  async function request<T>(
    kind: RequestKind,
    { abortSignal }: Sending,
    apply: (tables: AzureTables) => T | Refusal,
  ): Promise<T> {
    // Policies see a request when it is sent, and once more when it is sent again.
    const watched = () => {
      for (const { sendRequest } of policies) {
        void sendRequest({ abortSignal } as unknown as Parameters<typeof sendRequest>[0], async (sent) =>
          answered(sent),
        );
      }
    };
    let times = 0;
    watched();
    const answer = await send(
      kind,
      (tables) => {
        if (times++ > 0) watched();
        return apply(tables);
      },
      abortSignal,
    );
    if (isRefusal(answer)) throw restError(answer);
    return answer;
  }

  const transact = async (actions: readonly Action[], options: Sending) => {
    const kind =
      actions.some(({ kind }) => kind === "create") && actions.every(({ etag }) => etag === "*") ? "creation" : "write";
    const { etags } = await request(kind, options, (tables) => tables.transact(table, actions));
    return etags;
  };
  const single = async (action: Action, options: Sending) => {
    const [etag] = await transact([action], options);
    return etag === undefined ? {} : { etag };
  };

  const client = {
    url: "http://in-memory",
    tableName: table,
    pipeline: {
      getOrderedPolicies: () => policies,
      addPolicy: (policy: Policy) => void policies.push(policy),
    },
    async getEntity(partitionKey: string, rowKey: string, options: Sending = {}) {
      return request("read", options, (tables) => {
        const entity = tables.get(table, partitionKey, rowKey);
        return entity === undefined ? { status: 404, code: "ResourceNotFound" } : given(partitionKey, rowKey, entity);
      });
    },
    listEntities({ queryOptions, ...options }: Sending & { queryOptions: { filter: string; select?: string[] } }) {
      const { partitionKey, from, before } = filterOf(queryOptions.filter);
      return {
        byPage: ({
          maxPageSize = 1_000,
          continuationToken,
        }: {
          maxPageSize?: number;
          continuationToken?: string;
        } = {}) => ({
          async next() {
            const { rows, next } = await request("read", options, (tables) =>
              tables.page(table, partitionKey, { from, before, most: maxPageSize, next: continuationToken }),
            );
            const value = rows.map(([rowKey, entity]) =>
              selected(given(partitionKey, rowKey, entity), queryOptions.select),
            );
            return { done: false, value: Object.assign(value, { continuationToken: next }) };
          },
        }),
      };
    },
    createEntity: (entity: Entity, options: Sending = {}) => single(actionOf("create", entity), options),
    updateEntity: (entity: Entity, mode: string, { etag, ...options }: Condition = {}) =>
      single(actionOf("update", entity, mode, etag), options),
    upsertEntity: (entity: Entity, mode: string, options: Sending = {}) =>
      single(actionOf("upsert", entity, mode), options),
    deleteEntity: (partitionKey: string, rowKey: string, { etag, ...options }: Condition = {}) =>
      single(actionOf("delete", { partitionKey, rowKey }, "Replace", etag), options),
    async submitTransaction(actions: [Action["kind"], Entity, string?, Condition?][], options: Sending = {}) {
      const etags = await transact(
        actions.map(([kind, entity, mode, condition]) => actionOf(kind, entity, mode, condition?.etag)),
        options,
      );
      return {
        status: 202,
        subResponses: etags.map((etag) => ({ status: 204, ...(etag === undefined ? {} : { etag }) })),
      };
    },
    async createTable() {},
  };
  return client as unknown as Client;
}

function actionOf(kind: Action["kind"], entity: Entity, mode = "Merge", etag = "*"): Action {
  const { partitionKey, rowKey, ...properties } = entity;
  const named = Object.entries(properties).filter(([, value]) => value !== undefined);
  return {
    kind,
    merges: kind !== "create" && mode === "Merge",
    etag,
    partitionKey: String(partitionKey),
    rowKey: String(rowKey),
    properties: Object.fromEntries(named),
  };
}

function given(partitionKey: string, rowKey: string, { etag, properties }: StoredEntity): Entity {
  return { etag, partitionKey, rowKey, ...properties };
}

function selected(entity: Entity, names: readonly string[] | undefined): Entity {
  if (names === undefined) return entity;
  const asked = new Set(
    names.map((name) => name.replace(/^[PR](?=artitionKey|owKey)/, (letter) => letter.toLowerCase())),
  );
  return Object.fromEntries(Object.entries(entity).filter(([name]) => name === "etag" || asked.has(name)));
}

/** The filters that the store sends, and no others. */
function filterOf(filter: string): { partitionKey: string; from: string; before: string | undefined } {
  const text = "'((?:[^']|'')*)'";
  const found = new RegExp(`^PartitionKey eq ${text}(?: and RowKey ge ${text} and RowKey lt ${text})?$`).exec(filter);
  if (found === null) throw new TypeError(`another filter: ${filter}`);
  const [partitionKey = "", from = "", before] = found.slice(1).map((part) => part?.replaceAll("''", "'"));
  return { partitionKey, from, before };
}

function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === "object" && answer !== null && "status" in answer && "code" in answer;
}

function restError({ status, code }: Refusal): Error {
  return Object.assign(new Error(code), {
    name: "RestError",
    statusCode: status,
    code,
    details: { odataError: { code } },
  });
}

function answered(request: unknown) {
  return { request, status: 200, headers: { get: () => undefined } } as never;
}
