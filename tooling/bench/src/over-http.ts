import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { AzureNamedKeyCredential, TableClient } from "@azure/data-tables";
import { AzureChatStore } from "@chatkeep/chat-store-azure";
import { DynamoDBChatStore } from "@chatkeep/chat-store-dynamodb";
import { TablestoreChatStore } from "@chatkeep/chat-store-tablestore";
import { UpstashChatStore } from "@chatkeep/chat-store-upstash";
import { azuriteAccount, type HttpProxy, type OwnServer } from "@chatkeep/test-servers";
import { type Histories, ofStore, TTL_SECONDS } from "./histories.js";
import { type LangChainHistory, langChain } from "./langchain.js";
import { type MastraStore, mastra } from "./mastra.js";
import type { LoadPeer } from "./peers.js";
import { OURS } from "./results.js";

/** Histories behind a proxy that counts, and the longest that each can hold. */
interface Counted {
  readonly histories: Histories;
  readonly longest?: number;
}

/** How many messages the others can hold, or read back. */
export const LONGEST = {
  /** They read all of it in one answer, which has 10 MB at most. */
  upstash: 5_000,
  /** One item of 400 KB. */
  langChainDynamoDB: 500,
  mastraDynamoDB: 2_000,
} as const;

/** Milliseconds: an emulator takes its time for thousands of messages. */
const timeoutMs = 600_000;

type OpenCounted = (proxy: HttpProxy, server: OwnServer, load: LoadPeer) => Promise<Counted[]>;

const upstash: OpenCounted = async ({ url }, { token = "" }, load) => {
  const { UpstashRedisChatMessageHistory } = await load<{
    UpstashRedisChatMessageHistory: new (options: object) => LangChainHistory;
  }>("@langchain/community/stores/message/upstash_redis");
  const { UpstashStore } = await load<{ UpstashStore: new (options: object) => MastraStore }>("@mastra/upstash");
  const historyOf = (sessionId: string) =>
    new UpstashRedisChatMessageHistory({ sessionId, sessionTTL: TTL_SECONDS, config: { url, token } });
  const longest = LONGEST.upstash;
  return [
    {
      histories: ofStore(
        new UpstashChatStore({ redisUrl: url, redisToken: token, ttlSeconds: TTL_SECONDS, timeoutMs }),
      ),
    },
    { histories: await langChain(load, "LangChain (upstash_redis)", historyOf, { close: async () => {} }), longest },
    { histories: await mastra(new UpstashStore({ id: "bench", url, token }), "Mastra (upstash)"), longest },
  ];
};

const credentials = { accessKeyId: "bench", secretAccessKey: "bench" };
const region = "eu-bench-1";

/** By Mastra's TABLE_SETUP.md, of which messages and threads use the first index only. */
const mastraTable = {
  TableName: "mastra",
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"].map((AttributeName) => ({
    AttributeName,
    AttributeType: "S" as const,
  })),
  KeySchema: keys("pk", "sk"),
  GlobalSecondaryIndexes: [1, 2].map((number) => ({
    IndexName: `gsi${number}`,
    KeySchema: keys(`gsi${number}pk`, `gsi${number}sk`),
    Projection: { ProjectionType: "ALL" as const },
  })),
} as const;

function keys(hash: string, range: string) {
  return [
    { AttributeName: hash, KeyType: "HASH" as const },
    { AttributeName: range, KeyType: "RANGE" as const },
  ];
}

const dynamodb: OpenCounted = async ({ url: endpoint }, server, load) => {
  const { DynamoDBChatMessageHistory } = await load<{
    DynamoDBChatMessageHistory: new (options: object) => LangChainHistory;
  }>("@langchain/community/stores/message/dynamodb");
  const { DynamoDBStore } = await load<{ DynamoDBStore: new (options: object) => MastraStore }>("@mastra/dynamodb");
  const admin = new DynamoDBClient({ endpoint: server.url, region, credentials });
  await admin.send(new CreateTableCommand({ ...mastraTable, KeySchema: [...mastraTable.KeySchema] }));
  await admin.send(
    new CreateTableCommand({
      TableName: "langchain",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    }),
  );
  const store = new DynamoDBChatStore({
    endpoint,
    region,
    credentials,
    tableName: "chatkeep",
    layout: "chatkeep",
    ttlSeconds: TTL_SECONDS,
    timeoutMs,
  });
  await store.setup();
  const config = { endpoint, region, credentials };
  const historyOf = (sessionId: string) =>
    new DynamoDBChatMessageHistory({ tableName: "langchain", partitionKey: "id", sessionId, config });
  const theirs = await langChain(load, "LangChain (dynamodb)", historyOf, { close: async () => {} });
  const name = "Mastra (dynamodb)";
  const mastraStore = new DynamoDBStore({ name, config: { id: "bench", tableName: "mastra", ...config } });
  return [
    { histories: ofStore(store) },
    { histories: theirs, longest: LONGEST.langChainDynamoDB },
    { histories: await mastra(mastraStore, name), longest: LONGEST.mastraDynamoDB },
  ];
};

const azurite: OpenCounted = async ({ url }) => {
  const credential = new AzureNamedKeyCredential(azuriteAccount.name, azuriteAccount.key);
  const client = new TableClient(`${url}/${azuriteAccount.name}`, "bench", credential, {
    allowInsecureConnection: true,
  });
  return [{ histories: ofStore(new AzureChatStore({ client, ttlSeconds: TTL_SECONDS, timeoutMs })) }];
};

const tablestore: OpenCounted = async ({ url: endpoint }, { access }) => {
  if (access === undefined) throw new Error("the server has no access key");
  const store = new TablestoreChatStore({
    endpoint,
    ...access,
    tableName: "bench",
    ttlSeconds: TTL_SECONDS,
    timeoutMs,
  });
  await store.setup();
  return [{ histories: ofStore(store, OURS) }];
};

/** All that keep histories in a service that is spoken to over HTTP. */
export const overHttp = { upstash, dynamodb, azurite, tablestore } as const;
