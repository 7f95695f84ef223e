import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type TableDescription,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { chatStoreError, type Failure, pause, type ReadContext } from "@chatkeep/chat-store-core/backend";
import type { DynamoDBClientLike, DynamoDBLayout, Settings } from "./options.js";

/** The sort key of the layout "chatkeep". */
export const rowKey = "RowId";
/** The index that lists conversations, and the attribute that only heads have. */
export const indexName = "ChatkeepKeys";
export const shardAttribute = "Shard";
/** Of a head. Short: each byte counts towards the units of every write. */
export const headAttributes = { token: "T", count: "N", writtenAt: "W", expiresAt: "E", text: "H" } as const;

type Signal = ReadContext["signal"];

/** A table and the way to it. */
export interface TableAccess {
  client: DynamoDBClientLike;
  settings: Settings;
  explain: (error: unknown) => Failure;
}

interface Means extends TableAccess {
  signal: Signal;
}

/** What the table is made for, by its key schema. Throws `MISCONFIGURED` when it is for something else. */
export async function detectLayout({ client, settings }: TableAccess): Promise<DynamoDBLayout> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: settings.table }));
  return layoutOf(Table ?? {}, settings);
}

function layoutOf({ KeySchema = [], AttributeDefinitions = [] }: TableDescription, settings: Settings): DynamoDBLayout {
  const keyOf = (type: string) => KeySchema.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const [hash, range] = [keyOf("HASH"), keyOf("RANGE")];
  const isText = (name: string) =>
    AttributeDefinitions.some(({ AttributeName, AttributeType }) => AttributeName === name && AttributeType === "S");
  const problem = (text: string) => chatStoreError("MISCONFIGURED", `Table ${nameOf(settings)} ${text}`);

  if (hash !== settings.primaryKey) {
    throw problem(`has the partition key ${hash}, not ${settings.primaryKey}. Set primaryKey, or take another table.`);
  }
  if (!isText(hash)) throw problem(`has a partition key that is not of type S.`);
  if (range === undefined) return "llamaindex";
  if (range !== rowKey || !isText(range)) {
    throw problem(`has the sort key ${range}. The layout "chatkeep" needs ${rowKey} of type S, "llamaindex" none.`);
  }
  return "chatkeep";
}

function nameOf({ table }: Settings): string {
  return table.slice(table.lastIndexOf("/") + 1);
}

/**
 * Makes what is missing of the table, and settles when it is ready: the table on demand, the index of the layout
 * "chatkeep", the TTL. Many processes may do it at once.
 */
export async function setUp(access: TableAccess, signal: Signal): Promise<DynamoDBLayout> {
  const { client, settings } = access;
  const means: Means = { ...access, signal };
  for (;;) {
    const table = await waitUntilReady(means, client);
    if (table === undefined) {
      await tolerant(means, () => client.send(new CreateTableCommand(newTable(settings))));
      continue;
    }
    const layout = layoutOf(table, settings);
    if (settings.layout !== undefined && layout !== settings.layout) {
      const needs = settings.layout === "chatkeep" ? `the sort key ${rowKey}` : "no sort key";
      const problem = `Table ${nameOf(settings)} is made for the layout "${layout}"; "${settings.layout}" needs ${needs}. Take another table.`;
      throw chatStoreError("MISCONFIGURED", problem);
    }
    const indexes = table.GlobalSecondaryIndexes ?? [];
    if (layout === "chatkeep" && !indexes.some(({ IndexName }) => IndexName === indexName)) {
      await tolerant(means, () => client.send(new UpdateTableCommand(newIndex(settings, table))));
      continue;
    }
    await enableTtl(means);
    return layout;
  }
}

/** The table when nothing is being done to it; undefined when there is none. */
async function waitUntilReady(means: Means, client: DynamoDBClientLike): Promise<TableDescription | undefined> {
  for (let round = 0; ; round++) {
    const table = await describe(means, client);
    if (table === undefined) return undefined;
    const states = [table.TableStatus, ...(table.GlobalSecondaryIndexes ?? []).map(({ IndexStatus }) => IndexStatus)];
    const waiting = states.find((state) => state !== "ACTIVE");
    if (waiting === undefined) return table;
    if (!["CREATING", "UPDATING", "DELETING"].includes(waiting)) {
      throw chatStoreError("MISCONFIGURED", `Table ${nameOf(means.settings)} can't be used: its state is ${waiting}.`);
    }
    await wait(round, means.signal);
  }
}

async function describe(means: Means, client: DynamoDBClientLike): Promise<TableDescription | undefined> {
  try {
    const { Table } = await persistent(means, () =>
      client.send(new DescribeTableCommand({ TableName: means.settings.table })),
    );
    return Table;
  } catch (error) {
    if (isNamed(error, "ResourceNotFoundException")) return undefined;
    throw error;
  }
}

function newTable({ table, primaryKey, layout }: Settings): CreateTableCommandInput {
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as const });
  const common = { TableName: table, BillingMode: "PAY_PER_REQUEST" as const };
  const hash = { AttributeName: primaryKey, KeyType: "HASH" as const };
  if (layout === "llamaindex") return { ...common, KeySchema: [hash], AttributeDefinitions: [text(primaryKey)] };
  return {
    ...common,
    KeySchema: [hash, { AttributeName: rowKey, KeyType: "RANGE" }],
    AttributeDefinitions: [text(primaryKey), text(rowKey), text(shardAttribute)],
    GlobalSecondaryIndexes: [keyIndex(primaryKey)],
  };
}

function keyIndex(primaryKey: string) {
  return {
    IndexName: indexName,
    KeySchema: [
      { AttributeName: shardAttribute, KeyType: "HASH" as const },
      { AttributeName: primaryKey, KeyType: "RANGE" as const },
    ],
    Projection: { ProjectionType: "KEYS_ONLY" as const },
  };
}

function newIndex({ table, primaryKey }: Settings, { BillingModeSummary, ProvisionedThroughput }: TableDescription) {
  const { ReadCapacityUnits = 0, WriteCapacityUnits = 0 } = ProvisionedThroughput ?? {};
  const onDemand = BillingModeSummary?.BillingMode === "PAY_PER_REQUEST" || ReadCapacityUnits === 0;
  return {
    TableName: table,
    AttributeDefinitions: [
      { AttributeName: primaryKey, AttributeType: "S" as const },
      { AttributeName: shardAttribute, AttributeType: "S" as const },
    ],
    GlobalSecondaryIndexUpdates: [
      {
        Create: {
          ...keyIndex(primaryKey),
          ...(onDemand ? {} : { ProvisionedThroughput: { ReadCapacityUnits, WriteCapacityUnits } }),
        },
      },
    ],
  };
}

async function enableTtl(means: Means): Promise<void> {
  const { client, settings } = means;
  const TableName = settings.table;
  for (let round = 0; ; round++) {
    const { TimeToLiveDescription: ttl = {} } = await persistent(means, () =>
      client.send(new DescribeTimeToLiveCommand({ TableName })),
    );
    const { TimeToLiveStatus: state, AttributeName: attribute } = ttl;
    if ((state === "ENABLED" || state === "ENABLING") && attribute === settings.ttlAttribute) return;
    if (state === "ENABLED" || state === "ENABLING") {
      const problem = `Table ${nameOf(settings)} has its TTL on another attribute, ${attribute}. Set ttlAttribute to that.`;
      throw chatStoreError("MISCONFIGURED", problem);
    }
    if (state !== "DISABLING") {
      const TimeToLiveSpecification = { AttributeName: settings.ttlAttribute, Enabled: true };
      try {
        await persistent(means, () => client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification })));
        return;
      } catch (error) {
        // Another process was quicker, or it was switched off within the last hour: the description tells.
        if (!isNamed(error, "ValidationException") || round > 5) throw error;
      }
    }
    await wait(round, means.signal);
  }
}

/** A change of the table that another process may be making right now. */
async function tolerant(means: Means, change: () => Promise<unknown>): Promise<void> {
  try {
    await persistent(means, change);
  } catch (error) {
    // It is being made, or too many tables are: the next look tells.
    const busy = isNamed(error, "ResourceInUseException") || isNamed(error, "LimitExceededException");
    const made = isNamed(error, "ValidationException") && /already exists/i.test(String((error as Error).message));
    if (!busy && !made) throw error;
    await wait(2, means.signal);
  }
}

/** Sends again what failed for a passing reason. */
async function persistent<T>({ explain, signal }: Means, send: () => Promise<T>): Promise<T> {
  for (let round = 0; ; round++) {
    try {
      return await send();
    } catch (error) {
      const known = isNamed(error, "ResourceInUseException") || isNamed(error, "LimitExceededException");
      if (known || !explain(error).retry || round === 5) throw error;
      await wait(round, signal);
    }
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

async function wait(round: number, signal: Signal): Promise<void> {
  await pause(Math.min(5_000, 100 * 2 ** round) * (0.5 + Math.random() / 2), signal);
  if (signal.aborted)
    throw chatStoreError("ABORTED", "The set-up was given up. Call it again: it goes on where it was.");
}
