import { inspect } from "node:util";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { fault, tablestoreServer } from "@chatkeep/tablestore-server";
import { type HttpProxy, httpProxy } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { TablestoreChatStore, type TablestoreChatStoreOptions, type TablestoreClientLike } from "../src/index.js";
import { serviceError } from "./support/service-error.js";
import { dropTables, newClient, newTableName, type Place, placeOf, type TestClient } from "./support/tables.js";

const server = runningServer("tablestore");
const connection = {
  endpoint: "http://127.0.0.1:9",
  instanceName: "chats",
  accessKeyId: "LTAI-of-the-tests",
  accessKeySecret: "secret-of-the-tests",
};
const secrets = [connection.accessKeyId, connection.accessKeySecret];

/** The error, which must be of the code and hold no secret. */
async function refusal(promise: Promise<unknown>, code: string, more: readonly string[] = []) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isChatStoreError(error)) return expect.fail(String(error));
  expect(error.code, error.message).toBe(code);
  const shown = inspect(error, { depth: 9, showHidden: true });
  for (const secret of [...secrets, ...more]) expect(shown).not.toContain(secret);
  return error;
}

describe("options", () => {
  const client = { getRow: () => expect.fail("must not be called") } as unknown as TablestoreClientLike;

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["no connection", {}],
    ["no instanceName", { ...connection, instanceName: undefined }],
    ["no accessKeySecret", { ...connection, accessKeySecret: undefined }],
    ["an endpoint that is none", { ...connection, endpoint: "chats.cn-hangzhou.ots.aliyuncs.com" }],
    ["an endpoint with a password", { ...connection, endpoint: `http://u:${connection.accessKeySecret}@localhost` }],
    ["an endpoint with a path", { ...connection, endpoint: "https://localhost/path" }],
    ["a key with a line end", { ...connection, accessKeyId: "a\nb" }],
    ["an unknown option", { ...connection, table_name: "chats" }],
    ["client and endpoint", { client, endpoint: connection.endpoint }],
    ["client and accessKeyId", { client, accessKeyId: connection.accessKeyId }],
    ["a client that is none", { client: {} }],
    ["a tableName that the service refuses", { client, tableName: "a-b" }],
    ["a tableName that begins with a digit", { client, tableName: "1a" }],
    ["a tableName that leaves no room for the rows' table", { client, tableName: "a".repeat(251) }],
    ["a layout that there is not", { client, layout: "other" }],
    ["ttl and ttlSeconds that differ", { client, ttl: 1, ttlSeconds: 2 }],
    ["an autoSetup that is no boolean", { client, autoSetup: "yes" }],
    ["a bad timeoutMs", { client, timeoutMs: 0 }],
  ])("refuses %s", async (_title, options) => {
    const made = (async () => new TablestoreChatStore(options as TablestoreChatStoreOptions))();
    await refusal(made, "INVALID_ARGUMENT");
  });

  it("are refused by the compiler too", () => {
    // @ts-expect-error client and endpoint exclude each other
    const both: TablestoreChatStoreOptions = { client, endpoint: connection.endpoint };
    // @ts-expect-error the instance has to be named
    const none: TablestoreChatStoreOptions = { endpoint: "http://localhost" };
    // @ts-expect-error there are two layouts
    const other: TablestoreChatStoreOptions = { client, layout: "other" };
    expect([both, none, other]).toHaveLength(3);
  });

  it("are taken where they go together; nothing is sent by the constructor", async () => {
    const many: TablestoreChatStoreOptions[] = [
      { client, ttl: 60, tableName: "a".repeat(250) },
      { client, layout: "llamaindex", tableName: "a".repeat(255) },
      { ...connection, securityToken: "token", endpoint: "https://chats.cn-hangzhou.ots.aliyuncs.com/" },
    ];
    for (const options of many) await new TablestoreChatStore(options).close();
  });

  it("are not shown by a store", async () => {
    const store = new TablestoreChatStore(connection);
    await refusal(new TablestoreChatStore({ ...connection, maxRetries: 0 }).countMessages("k"), "UNAVAILABLE");
    const shown = `${JSON.stringify(store)} ${inspect(store, { depth: 9, showHidden: true })}`;
    for (const secret of secrets) expect(shown).not.toContain(secret);
    await store.close();
  });
});

describe.runIf(server)("tables", () => {
  let place: Place;
  let client: TablestoreClientLike & TestClient;
  let proxy: HttpProxy;
  const tables: string[] = [];
  const stores: TablestoreChatStore[] = [];

  function open(options: Partial<TablestoreChatStoreOptions>): TablestoreChatStore {
    const store = new TablestoreChatStore({ maxRetries: 1, ...options } as TablestoreChatStoreOptions);
    stores.push(store);
    return store;
  }
  function newTable(): string {
    const tableName = newTableName();
    tables.push(tableName);
    return tableName;
  }
  async function create(primaryKey: { name: string; type: string }[], timeToLive = -1): Promise<string> {
    const tableName = newTable();
    await client.createTable({
      tableMeta: { tableName, primaryKey },
      reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
      tableOptions: { timeToLive, maxVersions: 1 },
    });
    return tableName;
  }

  beforeAll(async () => {
    place = placeOf(server!);
    client = await newClient(place);
    proxy = await httpProxy(place.endpoint);
  });
  afterEach(async () => {
    proxy.always(undefined);
    for (const store of stores.splice(0)) await store.close();
    for (const table of tables.splice(0)) await dropTables(client, table);
  });
  afterAll(async () => {
    await proxy.close();
  });

  it("setup makes two tables of the layout chatkeep, which can be used at once, and again makes nothing", async () => {
    const tableName = newTable();
    const store = open({ ...place, endpoint: proxy.url, tableName });
    await store.setup();
    await store.addMessage("k", { content: "a" });
    const { tableNames } = await client.listTable({});
    expect(tableNames.filter((name) => name.startsWith(tableName)).sort()).toEqual([tableName, `${tableName}_rows`]);
    proxy.log.splice(0);
    await store.setup();
    expect(proxy.log.map(({ url }) => url)).toEqual([
      "/DescribeTable",
      "/DescribeTable",
      "/GetRow",
      "/DeleteRow",
      "/GetRow",
      "/DeleteRow",
    ]);
    expect(await store.getKeys()).toEqual(["k"]);
  });

  it("createTableIfNotExist makes LlamaIndex's table in its layout", async () => {
    const tableName = newTable();
    await open({ ...place, tableName, layout: "llamaindex" }).createTableIfNotExist();
    const { tableMeta } = await client.describeTable({ tableName });
    expect(tableMeta).toMatchObject({ primaryKey: [{ name: "session_id", type: 2 }] });
    const { tableNames } = await client.listTable({});
    expect(tableNames.filter((name) => name.startsWith(tableName))).toEqual([tableName]);
  });

  it("setup can be called by many at once", async () => {
    const tableName = newTable();
    await Promise.all(Array.from({ length: 6 }, () => open({ ...place, tableName }).setup()));
    await open({ client, tableName }).addMessage("k", { content: "a" });
  });

  it("setup waits for a table that is not ready yet, and for fewer operations on tables", async () => {
    const slow = await tablestoreServer({ tableReadyMs: 700, limits: { tableOperationsPerSecond: 2 } });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = slow;
    const own = { endpoint, instanceName, accessKeyId, accessKeySecret };
    const store = open({ ...own, maxRetries: 0 });
    // Of 6 operations on tables at least 4 have to wait.
    const begun = Date.now();
    await store.setup();
    expect(Date.now() - begun).toBeGreaterThan(700);
    await store.addMessage("k", { content: "a" });
    expect(await store.countMessages("k")).toBe(1);
    await store.close();
    await slow.close();
  });

  it("setup ends when it is given up", async () => {
    const slow = await tablestoreServer({ tableReadyMs: 60_000 });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = slow;
    const store = open({ endpoint, instanceName, accessKeyId, accessKeySecret });
    const signal = AbortSignal.timeout(300);
    await refusal(store.setup({ signal }), "ABORTED");
    await store.close();
    await slow.close();
  });

  it("an operation waits for a new table too, as long as it may", async () => {
    const slow = await tablestoreServer({ tableReadyMs: 400 });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = slow;
    const own = { endpoint, instanceName, accessKeyId, accessKeySecret };
    const maker = await newClient(own);
    await maker.createTable({
      tableMeta: { tableName: "chats", primaryKey: [{ name: "session_id", type: "STRING" }] },
      reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
      tableOptions: { timeToLive: -1, maxVersions: 1 },
    });
    const store = open({ ...own, tableName: "chats", layout: "llamaindex", maxRetries: 50 });
    await store.addMessage("k", { content: "a" });
    await store.close();
    await slow.close();
  });

  it("setup refuses tables that are made for something else", async () => {
    const number = await create([{ name: "session_id", type: "INTEGER" }]);
    const other = await create([{ name: "id", type: "STRING" }]);
    const told = await refusal(open({ client, tableName: number, layout: "llamaindex" }).setup(), "MISCONFIGURED");
    expect(told.message).toContain("session_id INTEGER");
    for (const layout of ["chatkeep", "llamaindex"] as const) {
      const error = await refusal(open({ client, tableName: other, layout }).setup(), "MISCONFIGURED");
      expect(error.message).toContain("id STRING");
    }
  });

  it("setup refuses a table whose cells expire in the layout chatkeep, and takes it in the other", async () => {
    const heads = await create([{ name: "key", type: "STRING" }], 86_400);
    const error = await refusal(open({ client, tableName: heads }).setup(), "MISCONFIGURED");
    expect(error.message).toContain("time to live");
    const sessions = await create([{ name: "session_id", type: "STRING" }], 86_400);
    await open({ client, tableName: sessions, layout: "llamaindex" }).setup();
  });

  it("autoSetup makes the tables with the first operation", async () => {
    const store = open({ client, tableName: newTable(), autoSetup: true });
    await store.addMessage("k", { content: "a" });
    expect(await store.countMessages("k")).toBe(1);
  });

  it("without it a missing table names setup(), and works once it is there", async () => {
    for (const layout of ["chatkeep", "llamaindex"] as const) {
      const tableName = newTable();
      const store = open({ client, tableName, layout });
      const error = await refusal(store.addMessage("k", { content: "a" }), "MISCONFIGURED");
      expect(error.message).toContain("setup()");
      expect(error.message).toContain(tableName);
      expect(error.outcome).toBe("not-applied");
      await refusal(store.purgeExpired(), "MISCONFIGURED");
      await refusal(store.clearStore(), "MISCONFIGURED");
      await store.setup();
      await store.addMessage("k", { content: "a" });
      expect(await store.countMessages("k")).toBe(1);
    }
  });

  it.each(["chatkeep", "llamaindex"] as const)("clearStore forgets all conversations, layout %s", async (layout) => {
    const store = open({ client, tableName: newTable(), layout, autoSetup: true });
    for (let i = 0; i < 30; i++) await store.addMessage(`k${i}`, { content: "a" });
    await store.clearStore();
    expect(await store.getKeys()).toEqual([]);
    expect(await store.getMessages("k7")).toEqual([]);
    await store.addMessage("k7", { content: "b" });
    expect(await store.getMessages("k7")).toEqual([{ role: "user", content: "b" }]);
  });

  it("a closed store does no maintenance", async () => {
    const store = open({ client, tableName: newTable() });
    await store.close();
    for (const call of [() => store.setup(), () => store.purgeExpired(), () => store.clearStore()]) {
      await refusal(call(), "CLOSED");
    }
  });

  it.each([
    ["OTSNoPermissionAccess", "You have no permission to access the requested resource, acs:ots:secret", "ots:GetRow"],
    ["OTSAuthFailed", "The AccessKeyID does not exist.", "access key"],
    ["OTSAuthFailed", "Signature mismatch.", "access key"],
    ["OTSAuthFailed", "The instance is not found.", "instanceName"],
    ["OTSAuthFailed", "Mismatch between system time and x-ots-date: 2026-01-01T00:00:00.000Z.", "clock"],
    ["OTSQuotaExhausted", "Number of tables exceeded the quota.", "quota"],
    ["OTSInvalidPK", "Validate PK name fail. Input: id, Meta: key.", "primary key"],
    ["OTSParameterInvalid", "Invalid table name: 'x'.", "invalid"],
  ])("%s is a misconfiguration (%s), and nothing happened", async (code, text, told) => {
    proxy.always(serviceError(403, code, text));
    const store = open({ ...place, endpoint: proxy.url, tableName: newTable(), layout: "llamaindex" });
    proxy.log.splice(0);
    const refused = await refusal(store.addMessage("k", { content: "a" }), "MISCONFIGURED", [text]);
    expect(refused.message).toContain(told);
    expect(refused.outcome).toBe("not-applied");
    expect(proxy.log).toHaveLength(1);
  });

  it("the service's own errors, in its own words, are what they are taken for", async () => {
    const own = await tablestoreServer({ tableReadyMs: 0 });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = own;
    const right = { endpoint, instanceName, accessKeyId, accessKeySecret };
    await open(right).setup();
    const wrong: [object, string][] = [
      [{ accessKeySecret: "wrong" }, "access key"],
      [{ accessKeyId: "nobody" }, "access key"],
      [{ instanceName: "elsewhere" }, "instance"],
    ];
    for (const [part, told] of wrong) {
      const error = await refusal(open({ ...right, ...part }).countMessages("k"), "MISCONFIGURED");
      expect(error.message, JSON.stringify(part)).toContain(told);
    }
    const store = open(right);
    for (const code of ["OTSServerBusy", "OTSFlowControl", "OTSCapacityUnitExhausted"]) {
      own.faults.next(1, fault("before", code));
      await store.addMessage(code, { content: "a" });
      own.faults.next(1, fault("before", code));
      expect(await store.countMessages(code)).toBe(1);
    }
    await own.close();
    const skewed = await tablestoreServer({ ...right, wallNow: () => Date.now() + 3_600_000 });
    const error = await refusal(open({ ...right, endpoint: skewed.url }).countMessages("k"), "MISCONFIGURED");
    expect(error.message).toContain("clock");
    await skewed.close();
  });

  it("an address at which nobody listens is unavailable, and nothing happened", async () => {
    const store = open({ ...place, endpoint: "http://127.0.0.1:9" });
    const refused = await refusal(store.addMessage("k", { content: "a" }), "UNAVAILABLE");
    expect(refused.outcome).toBe("not-applied");
  });
});
