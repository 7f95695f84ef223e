import { isChatStoreError } from "@chatkeep/chat-store-core";
import { describe, expect, it } from "vitest";
import { AzureChatStore, type AzureChatStoreOptions } from "../src/index.js";

const endpoint = "https://account.table.core.windows.net";
const credential = { name: "account", key: "c2VjcmV0IGtleQ==" };
const own = { endpoint, credential };

function problemOf(options: unknown) {
  try {
    new AzureChatStore(options as AzureChatStoreOptions);
  } catch (error) {
    if (isChatStoreError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return undefined;
}

describe("options", () => {
  it.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /^INVALID_ARGUMENT/],
    ["no connection", {}, /^INVALID_ARGUMENT: Give a client/],
    ["two connections", { ...own, connectionString: "x" }, /^INVALID_ARGUMENT/],
    ["an unknown option", { ...own, tableName: "x" }, /tableName is no option/],
    ["no credential", { endpoint }, /^INVALID_ARGUMENT: credential must be/],
    ["a SAS in the endpoint", { ...own, endpoint: `${endpoint}?sv=1&sig=secret` }, /without credentials/],
    ["http beyond this machine", { ...own, endpoint: "http://account.example" }, /allowInsecureConnection/],
    [
      "a connection string that is none",
      { connectionString: "AccountKey=secret" },
      /^INVALID_ARGUMENT: connectionString/,
    ],
    ["retries of the SDK", { ...own, clientOptions: { retryOptions: {} } }, /maxRetries/],
    ["an odd layout", { ...own, layout: "python" }, /layout must be/],
    ["an odd mode", { ...own, serviceMode: "table" }, /serviceMode must be/],
    ["time to live in LlamaIndex's layout", { ...own, layout: "llamaindex", ttlSeconds: 1 }, /^UNSUPPORTED/],
    ["a metadata table in the layout chatkeep", { ...own, metadataTableName: "Meta" }, /^UNSUPPORTED/],
    ["a bad partition", { ...own, layout: "llamaindex", metadataPartitionKey: "a/b" }, /metadataPartitionKey/],
    ["no TableClient", { client: {} }, /client must be a TableClient/],
    ["a client and a table's name", { client: {}, chatTableName: "Chats" }, /exclude each other/],
  ])("%s is refused", (_, options, problem) => {
    expect(problemOf(options)).toMatch(problem);
    expect(problemOf(options)).not.toMatch(/secret|c2Vj/);
  });

  it.each(["ab", "a-b-c", "1abc", "a".repeat(64), "tables", "", "Chat Messages"])(
    "the table name %j is refused",
    (name) => {
      expect(problemOf({ ...own, chatTableName: name })).toMatch(/^INVALID_ARGUMENT: chatTableName must have 3 to 63/);
    },
  );

  it("what is right is taken, and nothing is sent", () => {
    expect(problemOf({ ...own, chatTableName: "Chats1" })).toBeUndefined();
    expect(problemOf({ connectionString: "UseDevelopmentStorage=true" })).toBeUndefined();
    expect(problemOf({ ...own, endpoint: "https://account.table.cosmos.azure.com:443/" })).toBeUndefined();
    expect(problemOf({ endpoint, credential: { signature: "sv=1&sig=x" }, layout: "llamaindex" })).toBeUndefined();
    expect(() => AzureChatStore.fromAccountAndKey("evil.example/", "c2VjcmV0")).toThrow(/accountName/);
  });
});
