import { inspect } from "node:util";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { type HttpFault, type HttpProxy, httpProxy } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { DynamoDBChatStore, type DynamoDBChatStoreOptions } from "../src/index.js";
import { countRequests, credentials, dropTable, makeTable, newClient, newTableName, region } from "./support/tables.js";

const server = runningServer("dynamodb");
const secrets = [credentials.accessKeyId, credentials.secretAccessKey];

/** The error, which must be of the code and hold no secret. */
async function refusal(promise: Promise<unknown>, code: string, more: readonly string[] = []): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(isChatStoreError(error), String(error)).toBe(true);
  expect((error as { code: string }).code, (error as Error).message).toBe(code);
  for (const secret of [...secrets, ...more])
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
  return error as Error;
}

describe("options", () => {
  const tableName = "chats";
  const send = () => Promise.reject(new Error("must not be called"));
  const client = Object.assign(new DynamoDBClient({ region }), { send });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["no tableName", {}],
    ["a tableName that is none", { tableName: "a b" }],
    ["an unknown option", { tableName, table_name: tableName }],
    ["client and region", { tableName, client, region }],
    ["client and credentials", { tableName, client, credentials }],
    ["client and profile", { tableName, client, profile: "p" }],
    ["client and endpoint", { tableName, client, endpoint: "http://localhost:8000" }],
    ["client and LlamaIndex's name of the region", { tableName, client, regionName: region }],
    ["a client that is none", { tableName, client: {} }],
    ["region under two names that differ", { tableName, region, regionName: "other" }],
    ["half of the keys", { tableName, awsAccessKeyId: credentials.accessKeyId }],
    ["a session token alone", { tableName, awsSessionToken: credentials.secretAccessKey }],
    ["credentials twice", { tableName, credentials, awsAccessKeyId: "a", awsSecretAccessKey: "b" }],
    ["credentials that are text", { tableName, credentials: credentials.secretAccessKey }],
    ["an endpoint with a password", { tableName, endpoint: `http://u:${credentials.secretAccessKey}@localhost` }],
    ["a layout that there is not", { tableName, layout: "other" }],
    ["ttl and ttlSeconds that differ", { tableName, ttl: 1, ttlSeconds: 2 }],
    ["a ttl below 0", { tableName, ttlSeconds: -1 }],
    ["a primaryKey that the layout has for itself", { tableName, primaryKey: "RowId" }],
    ["one attribute for two things", { tableName, primaryKey: "TTL" }],
    ["an autoSetup that is no boolean", { tableName, autoSetup: "yes" }],
    ["a bad timeoutMs", { tableName, timeoutMs: 0 }],
  ])("refuses %s", async (_title, options) => {
    const made = (async () => new DynamoDBChatStore(options as DynamoDBChatStoreOptions))();
    await refusal(made, "INVALID_ARGUMENT");
  });

  it("are refused by the compiler too", () => {
    // @ts-expect-error client and region exclude each other
    const both: DynamoDBChatStoreOptions = { tableName, client, region };
    // @ts-expect-error a table has to be named
    const none: DynamoDBChatStoreOptions = {};
    // @ts-expect-error there are two layouts
    const other: DynamoDBChatStoreOptions = { tableName, layout: "other" };
    expect([both, none, other]).toHaveLength(3);
  });

  it("may have LlamaIndex's names, and an ARN; nothing is sent by the constructor", async () => {
    const many: DynamoDBChatStoreOptions[] = [
      { tableName, client, ttl: 60 },
      { tableName, regionName: region, profileName: "p" },
      { tableName, region, awsAccessKeyId: "a", awsSecretAccessKey: "b", awsSessionToken: "c" },
      { tableName: "arn:aws:dynamodb:eu-central-1:123456789012:table/chats", region },
      { tableName, region, credentials: async () => credentials },
    ];
    for (const options of many) await new DynamoDBChatStore(options).close();
  });

  it("are not shown by a store", async () => {
    const store = new DynamoDBChatStore({ tableName, region, credentials, endpoint: "http://localhost:1" });
    const shown = `${JSON.stringify(store)} ${inspect(store, { depth: 9, showHidden: true })}`;
    for (const secret of secrets) expect(shown).not.toContain(secret);
    await store.close();
  });
});

describe.runIf(server)("tables", () => {
  let client: DynamoDBClient;
  let proxy: HttpProxy;
  const tables: string[] = [];
  const stores: DynamoDBChatStore[] = [];

  function open(options: DynamoDBChatStoreOptions): DynamoDBChatStore {
    const store = new DynamoDBChatStore({ maxRetries: 1, ...options } as DynamoDBChatStoreOptions);
    stores.push(store);
    return store;
  }

  async function create(key: string, type: "S" | "N", range?: string): Promise<string> {
    const tableName = newTableName();
    const names = [key, ...(range === undefined ? [] : [range])];
    const input: CreateTableCommandInput = {
      TableName: tableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? "HASH" : "RANGE" })),
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: type })),
    };
    await client.send(new CreateTableCommand(input));
    tables.push(tableName);
    return tableName;
  }

  const described = async (tableName: string) =>
    (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table;

  const ttlOf = async (tableName: string) =>
    (await client.send(new DescribeTimeToLiveCommand({ TableName: tableName }))).TimeToLiveDescription;

  beforeAll(async () => {
    client = newClient(server!.url);
    proxy = await httpProxy(server!.url);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    proxy.always(undefined);
    for (const store of stores.splice(0)) await store.close();
    for (const table of tables.splice(0)) await dropTable(client, table);
  });
  afterAll(async () => {
    client.destroy();
    await proxy.close();
  });

  it("setup makes an on-demand table of the layout chatkeep, with index and TTL, and again does nothing", async () => {
    const tableName = newTableName();
    tables.push(tableName);
    const store = open({ client, tableName, primaryKey: "Chat", ttlAttribute: "Ends" });
    await store.setup();
    const table = await described(tableName);
    expect(table?.BillingModeSummary?.BillingMode).toBe("PAY_PER_REQUEST");
    expect(table?.KeySchema).toEqual([
      { AttributeName: "Chat", KeyType: "HASH" },
      { AttributeName: "RowId", KeyType: "RANGE" },
    ]);
    expect(
      table?.GlobalSecondaryIndexes?.map(({ IndexName, Projection }) => [IndexName, Projection?.ProjectionType]),
    ).toEqual([["ChatkeepKeys", "KEYS_ONLY"]]);
    expect(await ttlOf(tableName)).toEqual({ AttributeName: "Ends", TimeToLiveStatus: "ENABLED" });
    expect(await store.layout()).toBe("chatkeep");
    let requests: string[] = [];
    countRequests(client, (operation) => requests.push(operation));
    await store.setup();
    expect(requests).toEqual(["DescribeTableCommand", "DescribeTimeToLiveCommand"]);
    requests = [];
    await store.addMessage("k", { content: "a" });
    expect(await store.getKeys()).toEqual(["k"]);
  });

  it("setup makes LlamaIndex's table when told to", async () => {
    const tableName = newTableName();
    tables.push(tableName);
    const store = open({ client, tableName, layout: "llamaindex" });
    await store.setup();
    expect((await described(tableName))?.KeySchema).toEqual([{ AttributeName: "SessionId", KeyType: "HASH" }]);
    expect(await open({ client, tableName }).layout()).toBe("llamaindex");
  });

  it("setup can be called by many at once", async () => {
    const tableName = newTableName();
    tables.push(tableName);
    await Promise.all(Array.from({ length: 8 }, () => open({ client, tableName }).setup()));
    expect((await ttlOf(tableName))?.TimeToLiveStatus).toBe("ENABLED");
  });

  it("setup adds the index and the TTL to a table that was made without", async () => {
    const tableName = await create("SessionId", "S", "RowId");
    const store = open({ client, tableName });
    await store.addMessage("k", { content: "a" });
    const error = await refusal(store.getKeys(), "MISCONFIGURED");
    expect(error.message).toContain("setup()");
    await store.setup();
    expect(await store.getKeys()).toEqual(["k"]);
  });

  it("setup leaves a TTL on another attribute alone, and says so", async () => {
    const tableName = await create("SessionId", "S", "RowId");
    const TimeToLiveSpecification = { AttributeName: "expires", Enabled: true };
    await client.send(new UpdateTimeToLiveCommand({ TableName: tableName, TimeToLiveSpecification }));
    const error = await refusal(open({ client, tableName }).setup(), "MISCONFIGURED");
    expect(error.message).toContain("expires");
    await open({ client, tableName, ttlAttribute: "expires" }).setup();
  });

  it("setup refuses a table of the other layout", async () => {
    const tableName = await create("SessionId", "S");
    await refusal(open({ client, tableName, layout: "chatkeep" }).setup(), "MISCONFIGURED");
  });

  it("autoSetup makes the table with the first operation", async () => {
    const tableName = newTableName();
    tables.push(tableName);
    const store = open({ client, tableName, autoSetup: true });
    await store.addMessage("k", { content: "a" });
    expect(await store.countMessages("k")).toBe(1);
  });

  it("without it a missing table names setup(), and works once it is there", async () => {
    const tableName = newTableName();
    for (const layout of [undefined, "chatkeep", "llamaindex"] as const) {
      const store = open({ client, tableName, layout });
      const error = await refusal(store.addMessage("k", { content: "a" }), "MISCONFIGURED");
      expect(error.message).toContain("setup()");
      expect(error.message).toContain(tableName);
      expect((error as unknown as { outcome: string }).outcome).toBe("not-applied");
      await refusal(store.purgeExpired(), "MISCONFIGURED");
    }
    const store = open({ client, tableName });
    await refusal(store.layout(), "MISCONFIGURED");
    await makeTable(client, "chatkeep", tableName);
    tables.push(tableName);
    expect(await store.layout()).toBe("chatkeep");
  });

  it("LlamaIndex's example table works unchanged", async () => {
    const tableName = await create("SessionId", "S");
    const store = open({ client, tableName });
    expect(await store.layout()).toBe("llamaindex");
    await store.addMessage("k", { content: "a" });
    expect(await store.getMessages("k")).toEqual([{ role: "user", content: "a" }]);
  });

  it("a key schema that is neither is refused by name", async () => {
    const other = await create("Id", "S");
    const wrongName = await refusal(open({ client, tableName: other }).getMessages("k"), "MISCONFIGURED");
    expect(wrongName.message).toContain("Id");
    const number = await create("SessionId", "N");
    await refusal(open({ client, tableName: number }).getMessages("k"), "MISCONFIGURED");
    const range = await create("SessionId", "S", "Time");
    const wrongRange = await refusal(open({ client, tableName: range }).getMessages("k"), "MISCONFIGURED");
    expect(wrongRange.message).toContain("Time");
  });

  it("a layout that the table does not have is refused at the first request", async () => {
    const hashOnly = await create("SessionId", "S");
    const chatkeep = open({ client, tableName: hashOnly, layout: "chatkeep" });
    await refusal(chatkeep.addMessage("k", { content: "a" }), "MISCONFIGURED");
    await refusal(chatkeep.getMessages("k"), "MISCONFIGURED");
    const both = await create("SessionId", "S", "RowId");
    const llamaindex = open({ client, tableName: both, layout: "llamaindex" });
    await refusal(llamaindex.addMessage("k", { content: "a" }), "MISCONFIGURED");
    await refusal(llamaindex.getMessages("k"), "MISCONFIGURED");
  });

  const arn = "arn:aws:iam::123456789012:user/secret-user";
  const error = (type: string, message: string): HttpFault => ({
    kind: "respond",
    answer: { status: 400, body: JSON.stringify({ __type: `com.amazon.coral.service#${type}`, message }) },
  });

  it("no permission for DescribeTable says what to do", async () => {
    const text = `User: ${arn} is not authorized to perform: dynamodb:DescribeTable on resource: x`;
    proxy.always((request) =>
      request.headers["x-amz-target"]?.endsWith("DescribeTable") ? error("AccessDeniedException", text) : undefined,
    );
    const tableName = await create("SessionId", "S");
    const connection = { endpoint: proxy.url, region, credentials };
    const denied = await refusal(open({ ...connection, tableName }).getMessages("k"), "MISCONFIGURED", [arn]);
    expect(denied.message).toMatch(/dynamodb:DescribeTable.*layout/);
    expect(await open({ ...connection, tableName, layout: "llamaindex" }).getMessages("k")).toEqual([]);
  });

  it.each([
    ["AccessDeniedException", `User: ${arn} is not authorized to perform: dynamodb:PutItem on it`, "dynamodb:PutItem"],
    ["UnrecognizedClientException", "The security token included in the request is invalid.", "credentials"],
    ["ExpiredTokenException", "The security token included in the request is expired", "expired"],
    ["InvalidSignatureException", "The request signature we calculated does not match", "credentials"],
    ["InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than", "clock"],
  ])("%s is a misconfiguration, and nothing happened", async (type, text, told) => {
    proxy.always(error(type, text));
    const store = open({ endpoint: proxy.url, region, credentials, tableName: "chats", layout: "llamaindex" });
    const refused = await refusal(store.addMessage("k", { content: "a" }), "MISCONFIGURED", [arn]);
    expect(refused.message).toContain(told);
    expect((refused as unknown as { outcome: string }).outcome).toBe("not-applied");
  });

  it("missing credentials, region and profile are named", async () => {
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, "");
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    vi.stubEnv("AWS_CONFIG_FILE", "/nonexistent");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    const endpoint = server!.url;
    const noCredentials = open({ endpoint, region, tableName: "chats", layout: "chatkeep" });
    expect((await refusal(noCredentials.getMessages("k"), "MISCONFIGURED")).message).toContain("credentials");
    const noRegion = open({ endpoint, credentials, tableName: "chats", layout: "chatkeep" });
    expect((await refusal(noRegion.getMessages("k"), "MISCONFIGURED")).message).toContain("region");
    const noProfile = open({ endpoint, region, profile: "nobody", tableName: "chats", layout: "chatkeep" });
    await refusal(noProfile.getMessages("k"), "MISCONFIGURED");
  });

  it("an address at which nobody listens is unavailable, and nothing happened", async () => {
    const store = open({ endpoint: "http://127.0.0.1:9", region, credentials, tableName: "chats", layout: "chatkeep" });
    const refused = await refusal(store.addMessage("k", { content: "a" }), "UNAVAILABLE");
    expect((refused as unknown as { outcome: string }).outcome).toBe("not-applied");
  });
});
