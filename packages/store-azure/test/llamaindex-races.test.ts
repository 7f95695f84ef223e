import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AzureChatStore } from "../src/index.js";
import { dropTables, newClient, newTables } from "./support/tables.js";

const server = runningServer("azurite");

/** Told of each request about messages, as in "GET 1": a POST is a transaction of several actions, a PATCH one of one. */
interface Watch {
  before?: (request: string) => void;
  after?: (request: string) => Promise<unknown> | undefined;
}

describe.runIf(server)("two clients in the layout llamaindex", () => {
  const tables = newTables();

  function open({ before, after }: Watch = {}, maxRetries = 5) {
    const client = newClient(server!.url, tables.chatTableName, { retryOptions: { maxRetries: 0 } });
    const metadataClient = newClient(server!.url, tables.metadataTableName);
    const numbers: Record<string, number> = {};
    client.pipeline.addPolicy({
      name: "testWatches",
      async sendRequest(request, next) {
        numbers[request.method] = (numbers[request.method] ?? 0) + 1;
        const name = `${request.method} ${numbers[request.method]}`;
        before?.(name);
        const response = await next(request);
        await after?.(name);
        return response;
      },
    });
    return new AzureChatStore({ client, metadataClient, layout: "llamaindex", autoSetup: false, maxRetries });
  }

  /** A client that dies after a transaction, its first when it is not said which. */
  function dying(last = /^(POST|PATCH) 1$/) {
    let isDead = false;
    return open(
      {
        before() {
          if (isDead) throw new Error("it is dead");
        },
        async after(request) {
          isDead ||= last.test(request);
        },
      },
      0,
    );
  }

  const contents = async (key: string) => (await open().getMessages(key)).map(({ content }) => content);

  beforeAll(async () => {
    const client = newClient(server!.url, tables.chatTableName);
    const metadataClient = newClient(server!.url, tables.metadataTableName);
    await new AzureChatStore({ client, metadataClient, layout: "llamaindex" }).setup();
  });
  afterAll(() => dropTables(server!.url, tables));

  it("what one deletes while the other edits it stays deleted", async () => {
    const key = "deleted";
    await open().setMessages(key, [{ content: "a" }, { content: "b" }]);
    // Deleted when it has been read, and not tidied up yet.
    const editing = open({
      after: (request) => (request === "GET 1" ? dying().deleteMessages(key) : undefined),
    });
    expect(await editing.replaceMessage(key, 0, { content: "edited" })).toBeUndefined();
    expect(await contents(key)).toEqual([]);
    await open().addMessage(key, { content: "anew" });
    expect(await contents(key)).toEqual(["anew"]);
  });

  it("what one appends while the other tidies up and edits is kept", async () => {
    const key = "tidied";
    await open().setMessages(key, [{ content: "a" }, { content: "b" }]);
    const many = Array.from({ length: 150 }, (_, i) => ({ content: `never ${i}` }));
    await expect(dying().addMessages(key, many)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(await contents(key)).toEqual(["a", "b"]);

    let appended = false;
    const editing = open({
      after(request) {
        // The transaction before took away what was staged; this says that nothing is under way any more.
        if (request !== "PATCH 1") return undefined;
        appended = true;
        return open().addMessage(key, { content: "c" });
      },
    });
    expect(await editing.replaceMessage(key, 0, { content: "edited" })).toMatchObject({ content: "a" });
    expect(appended).toBe(true);
    expect(await contents(key)).toEqual(["edited", "b", "c"]);
  });

  it("what one inserts while the other tidies up loses nothing", async () => {
    const key = "moved";
    const many = Array.from({ length: 120 }, (_, i) => ({ content: `message ${i}` }));
    await open().setMessages(key, many);
    await dying().trimMessages(key, 1);
    // 118 entities go in two transactions, and in a third the last message moves to the first entity.
    const inserting = open({
      after: (request) =>
        request === "GET 1"
          ? expect(dying(/^POST 3$/).replaceMessage(key, 0, { content: "never" })).rejects.toThrow()
          : undefined,
    });
    await inserting.addMessage(key, { content: "inserted" }, { index: 0 });
    expect(await contents(key)).toEqual(["inserted", "message 119"]);
  });

  it("what is deleted while its first message is written leaves no key", async () => {
    const key = "begun";
    const beginning = open({ after: (request) => (request === "POST 1" ? open().deleteMessages(key) : undefined) });
    await beginning.addMessage(key, { content: "a" });
    expect(await contents(key)).toEqual([]);
    const keys = newClient(server!.url, tables.metadataTableName).listEntities({
      queryOptions: { filter: `RowKey eq '${key}'` },
    });
    for await (const { rowKey } of keys) expect.unreachable(`${rowKey} is left`);
  });

  it("what is deleted leaves the table although a read of the same store was under way", async () => {
    const key = "read";
    await open().setMessages(key, [{ content: "a" }, { content: "b" }]);
    const told = { deleted: () => {}, read: () => {} };
    const deleted = new Promise<void>((resolve) => {
      told.deleted = resolve;
    });
    const read = new Promise<void>((resolve) => {
      told.read = resolve;
    });
    const store = open({
      after(request) {
        // The second to read the messages gets them when the others are deleted, and before those are tidied up.
        if (request === "GET 2") return deleted;
        if (request !== "PATCH 1") return undefined;
        told.deleted();
        return read;
      },
    });
    const deleting = store.deleteMessages(key);
    const reading = store.getMessages(key).finally(told.read);
    await Promise.all([deleting, reading]);
    const client = newClient(server!.url, tables.chatTableName);
    const left = client.listEntities({ queryOptions: { filter: `PartitionKey eq '${key}'` } });
    for await (const { rowKey } of left) expect.unreachable(`${rowKey} is left`);
  });
});
