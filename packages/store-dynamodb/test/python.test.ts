import { CreateTableCommand, type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import type { ChatMessageInput, ContentBlockInput } from "@chatkeep/chat-store-core";
import { decodeMessage, encodeMessage } from "@chatkeep/chat-store-core/backend";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoDBChatStore } from "../src/index.js";
import { PythonStore, type StoredMessage } from "./support/python.js";
import { credentials, dropTable, newClient, newTableName, region } from "./support/tables.js";

const server = runningServer("dynamodb");

const roles = ["system", "developer", "user", "assistant", "function", "tool", "chatbot", "model"] as const;

const block = (...content: ContentBlockInput[]): ChatMessageInput => ({ role: "assistant", content });

/** What Python's own writer and reader can hold too. */
const common: ChatMessageInput[] = [
  ...roles.map((role) => ({ role, content: `I am ${role}` })),
  { role: "user", content: "" },
  { role: "user", content: "NUL \u0000, 你好, 👩‍👩‍👧, \u2028" },
  { role: "assistant", content: [] },
  {
    role: "user",
    content: [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ],
  },
  { role: "tool", content: "42", additionalKwargs: { tool_call_id: "call_1", name: "search" } },
  {
    role: "assistant",
    content: "x",
    additionalKwargs: { tool_calls: [{ id: "c", function: { arguments: "{}" } }], n: 5, none: null, yes: true },
  },
  block({ type: "thinking", content: "hmm", numTokens: 3, additionalInformation: { signature: "abc" } }),
  block({ type: "tool_call", toolCallId: "c", toolName: "search", toolKwargs: { q: "x", n: [1, null] } }),
  block({ type: "tool_call", toolName: "search", toolKwargs: '{"q":1.0}' }),
  block({ type: "cache", cacheControl: { type: "ephemeral", ttl: "5m" } }),
];

/** What Python's writer breaks on, and its reader takes when it is written well. */
const onlyOurs: [string, ChatMessageInput, string][] = [
  ["a float", { role: "user", content: "x", additionalKwargs: { score: 0.25 } }, "Float types are not supported"],
  [
    "an image's URL",
    block({ type: "image", url: "https://example.com/a.png", mimeType: "image/png" }),
    "AnyUrl|Unsupported type",
  ],
];

describe.runIf(server)("with LlamaIndex Python on the same table", () => {
  let client: DynamoDBClient;
  let tableName: string;
  let store: DynamoDBChatStore;
  let python: PythonStore;
  let oldest: PythonStore;
  const stored = (message: ChatMessageInput) => JSON.parse(encodeMessage(message)) as StoredMessage;
  const read = (messages: unknown) =>
    (messages as StoredMessage[]).map((message) => decodeMessage(JSON.stringify(message)));
  const normal = (message: ChatMessageInput) => decodeMessage(encodeMessage(message));

  beforeAll(async () => {
    client = newClient(server!.url);
    tableName = newTableName();
    // The example of LlamaIndex's documentation.
    await client.send(
      new CreateTableCommand({
        TableName: tableName,
        KeySchema: [{ AttributeName: "SessionId", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "SessionId", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
    store = new DynamoDBChatStore({ client, tableName });
    const settings = {
      endpoint_url: server!.url,
      table_name: tableName,
      region_name: region,
      aws_access_key_id: credentials.accessKeyId,
      aws_secret_access_key: credentials.secretAccessKey,
    };
    python = await PythonStore.start("store-dynamodb", settings);
    oldest = await PythonStore.start("store-dynamodb-old", settings);
  }, 600_000);
  afterAll(async () => {
    await python?.stop();
    await oldest?.stop();
    await store.close();
    await dropTable(client, tableName);
    client.destroy();
  });

  it("the table decides for Python's layout", async () => {
    expect(await store.layout()).toBe("llamaindex");
  });

  it("Python writes, we read", async () => {
    await python.do({ do: "set", key: "p", messages: common.slice(0, 5).map(stored) });
    for (const message of common.slice(5)) await python.do({ do: "add", key: "p", messages: [stored(message)] });
    expect(await store.getMessages("p")).toEqual(common.map(normal));
    expect(await store.countMessages("p")).toBe(common.length);
    expect(await store.getKeys({ prefix: "p" })).toEqual(["p"]);
  });

  it("we write, Python reads", async () => {
    await store.setMessages("w", common.slice(0, 5));
    for (const message of common.slice(5)) await store.addMessage("w", message);
    expect(read(await python.do({ do: "get", key: "w" }))).toEqual(common.map(normal));
    expect(await python.do({ do: "keys" })).toContain("w");
  });

  it("both append in turn, delete and forget", async () => {
    for (let i = 0; i < 6; i++) {
      if (i % 2 === 0) await store.addMessage("both", { content: `m${i}` });
      else await python.do({ do: "add", key: "both", messages: [stored({ content: `m${i}` })] });
    }
    expect((await store.deleteMessage("both", 1))?.content).toBe("m1");
    expect(read([await python.do({ do: "delete", key: "both", index: 0 })])[0]?.content).toBe("m0");
    expect(read([await python.do({ do: "pop", key: "both" })])[0]?.content).toBe("m5");
    expect((await store.deleteLastMessage("both"))?.content).toBe("m4");
    await store.addMessage("both", { content: "first" }, { index: 0 });
    await store.replaceMessage("both", 1, { content: "second" });
    expect(read(await python.do({ do: "get", key: "both" })).map(({ content }) => content)).toEqual([
      "first",
      "second",
      "m3",
    ]);
    await python.do({ do: "forget", key: "both" });
    expect(await store.getMessages("both")).toEqual([]);
    await store.addMessage("both", { content: "anew" });
    await store.deleteMessages("both");
    expect(await python.do({ do: "get", key: "both" })).toEqual([]);
    expect(await python.do({ do: "keys" })).not.toContain("both");
  });

  it("what the oldest package wrote, a plain content, is read and gone on with", async () => {
    const legacy = [
      { role: "user", content: "Hello", additional_kwargs: {} },
      { role: "assistant", content: "", additional_kwargs: { tool_calls: [{ id: "c" }] } },
    ];
    await oldest.do({ do: "set", key: "old", messages: legacy });
    await oldest.do({ do: "add", key: "old", messages: [{ role: "tool", content: "42" }] });
    const item = await client.send(new GetItemCommand({ TableName: tableName, Key: { SessionId: { S: "old" } } }));
    expect(item.Item?.History?.L?.[0]?.M?.content).toEqual({ S: "Hello" });
    const expected = [
      { role: "user", content: "Hello" },
      { role: "assistant", content: "", additionalKwargs: { tool_calls: [{ id: "c" }] } },
      { role: "tool", content: "42" },
    ];
    expect(await store.getMessages("old")).toEqual(expected);
    await store.addMessage("old", { content: "more" });
    await store.deleteMessage("old", 1);
    const [hello, , answer] = expected;
    expect(read(await python.do({ do: "get", key: "old" }))).toEqual([
      hello,
      answer,
      { role: "user", content: "more" },
    ]);
  });

  for (const [name, message, error] of onlyOurs) {
    it(`${name}, which Python can't write, is written so that Python reads it`, async () => {
      await expect(python.do({ do: "set", key: name, messages: [stored(message)] })).rejects.toThrow(new RegExp(error));
      await store.setMessages(name, [message]);
      expect(read(await python.do({ do: "get", key: name }))).toEqual([normal(message)]);
    });
  }

  it("an image's bytes, which Python writes and can't read again, are read by us and written so that both can", async () => {
    const image = block({ type: "image", image: "aGk=", mimeType: "image/png" });
    await python.do({ do: "set", key: "bytes", messages: [stored(image)] });
    await expect(python.do({ do: "get", key: "bytes" })).rejects.toThrow("ValidationError");
    expect(await store.getMessages("bytes")).toEqual([normal(image)]);
    await store.setMessages("bytes", [image]);
    expect(read(await python.do({ do: "get", key: "bytes" }))).toEqual([normal(image)]);
  });

  it("what no map can hold is read by Python as near as it can", async () => {
    await store.setMessages("odd", [{ content: "half \ud83d", additionalKwargs: { "": 1, large: 1e300, kept: true } }]);
    expect(read(await python.do({ do: "get", key: "odd" }))).toEqual([
      { role: "user", content: "half \ufffd", additionalKwargs: { large: "1e+300", kept: true } },
    ]);
  });

  it("when both append at once, none of ours is lost to another of ours; Python may overwrite what it did not see", async () => {
    const ours = Array.from({ length: 10 }, (_, i) => `ours ${i}`);
    await Promise.all(ours.map((content) => store.addMessage("at once", { content })));
    await Promise.all([
      ...ours.map((content) => store.addMessage("at once", { content: `${content} again` })),
      python.do({ do: "add", key: "at once", messages: [stored({ content: "python's" })] }),
    ]);
    const read = (await store.getMessages("at once")).map(({ content }) => content);
    expect(read).toEqual(expect.arrayContaining(ours));
    expect(new Set(read).size).toBe(read.length);
  });
});
