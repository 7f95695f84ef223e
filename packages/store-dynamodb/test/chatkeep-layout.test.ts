import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import type { HeadPort, Row, StoredHead } from "@chatkeep/chat-store-core/backend";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ChatkeepLayout } from "../src/chatkeep-layout.js";
import { DynamoDBChatStore } from "../src/index.js";
import { Requests } from "../src/requests.js";
import { countRequests, dropTable, makeTable, newClient } from "./support/tables.js";

const server = runningServer("dynamodb");
const context = { signal: new AbortController().signal };
const week = 7 * 24 * 60 * 60 * 1000;

const head = (token: string, more: Partial<StoredHead> = {}): StoredHead => ({
  token,
  count: 1,
  expiresAt: undefined,
  writtenAt: 1_700_000_000_000,
  text: `{"text":"of ${token}"}`,
  ...more,
});

const row = (source: string, index: number, body = `body ${index}`): Row => ({
  source,
  index,
  part: 0,
  parts: 1,
  body,
});

describe.runIf(server)("the head protocol's port on DynamoDB", () => {
  let client: DynamoDBClient;
  let tableName: string;
  let port: HeadPort;
  let sent: string[] = [];
  let keys = 0;
  const newKey = () => `key ${++keys}`;

  beforeAll(async () => {
    client = newClient(server!.url);
    tableName = await makeTable(client, "chatkeep");
    countRequests(client, (operation) => sent.push(operation.replace("Command", "")));
    const requests = new Requests(client, tableName);
    port = new ChatkeepLayout(requests, { primaryKey: "SessionId", ttlAttribute: "TTL" });
  });
  afterAll(async () => {
    await dropTable(client, tableName);
    client.destroy();
  });

  const item = async (key: string) => {
    const Key = { SessionId: { S: key }, RowId: { S: "~" } };
    return (await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }))).Item;
  };

  it("a head is created once, swapped on its token, and tells what is there when it is refused", async () => {
    const key = newKey();
    expect(await port.readHead(key, context)).toBeUndefined();
    expect(await port.casHead(key, head("a"), undefined, [], context)).toEqual({ applied: true });
    expect(await port.casHead(key, head("b"), undefined, [], context)).toEqual({
      applied: false,
      current: head("a"),
      sentOnce: true,
    });
    sent = [];
    expect(await port.casHead(key, head("b"), "a", [], context)).toEqual({ applied: true });
    expect(sent).toEqual(["PutItem"]);
    expect(await port.casHead(key, head("c"), "a", [], context)).toEqual({
      applied: false,
      current: head("b"),
      sentOnce: true,
    });
    expect(await port.casHead(newKey(), head("c"), "a", [], context)).toEqual({
      applied: false,
      current: undefined,
      sentOnce: true,
    });
    expect(await port.readHead(key, context)).toEqual(head("b"));
  });

  it("a swap that is sent again after it was applied counts as applied", async () => {
    const key = newKey();
    await port.casHead(key, head("a"), undefined, [], context);
    expect(await port.casHead(key, head("a"), undefined, [], context)).toEqual({ applied: true });
    await port.casHead(key, head("b"), "a", [], context);
    expect(await port.casHead(key, head("b"), "a", [], context)).toEqual({ applied: true });
  });

  it("a head comes with the last rows of the newest incarnation, in one request", async () => {
    const key = newKey();
    expect(await port.readNewest?.(key, 3, context)).toEqual({ head: undefined, rows: [] });
    const rows = Array.from({ length: 9 }, (_, i) => row("m2", i));
    await port.putRows(key, [...rows, row("m1", 99), row("b9", 99), row("c9", 99)], context);
    expect(await port.readNewest?.(key, 3, context)).toEqual({ head: undefined, rows: [] });
    await port.casHead(key, head("a"), undefined, [], context);
    sent = [];
    const newest = await port.readNewest?.(key, 3, context);
    expect(newest?.head).toEqual(head("a"));
    expect(newest?.rows.map(({ source, index }) => `${source}:${index}`)).toEqual(["m2:8", "m2:7", "m2:6"]);
    expect(sent).toEqual(["Query"]);
  });

  it("a head is deleted on its token only", async () => {
    const key = newKey();
    await port.casHead(key, head("a"), undefined, [], context);
    expect(await port.deleteHead(key, "b", context)).toBe(false);
    expect(await port.deleteHead(key, "a", context)).toBe(true);
    expect(await port.deleteHead(key, "a", context)).toBe(false);
    expect(await port.readHead(key, context)).toBeUndefined();
  });

  it("the service may delete a head a week after it expired or ended, and not before", async () => {
    const key = newKey();
    await port.casHead(key, head("a"), undefined, [], context);
    expect((await item(key))?.TTL).toBeUndefined();
    const expiresAt = 1_800_000_000_500;
    await port.casHead(key, head("b", { expiresAt }), "a", [], context);
    expect((await item(key))?.TTL).toEqual({ N: String(Math.ceil((expiresAt + week) / 1000)) });
    expect(await port.readHead(key, context)).toEqual(head("b", { expiresAt }));
    await port.casHead(key, head("c", { count: 0 }), "b", [], context);
    expect((await item(key))?.TTL).toEqual({ N: String((1_700_000_000_000 + week) / 1000) });
  });

  it("rows are read by ranges, whole and in parts, and nobody else's", async () => {
    const key = newKey();
    const rows = Array.from({ length: 60 }, (_, i) => row("m-abc", i * 7));
    const parts: Row[] = [0, 1, 2].map((part) => ({ source: "s-abc", index: 4, part, parts: 3, body: `part ${part}` }));
    const copied: Row = { ...row("c-abc", 0), origin: "m-abc:5" };
    await port.putRows(
      key,
      [...rows, ...parts, copied, row("m-ab", 7), row("m-abcd", 7), row("m-abc", 10 ** 15 - 1)],
      context,
    );
    await port.casHead(key, head("a"), undefined, [], context);
    const read = await port.readRows(key, [{ source: "m-abc", from: 7, to: 50 }], context);
    expect(read.map(({ index }) => index)).toEqual([7, 14, 21, 28, 35, 42, 49]);
    expect(read[0]).toEqual({ ...row("m-abc", 7), origin: undefined });
    expect(await port.readRows(key, [{ source: "s-abc", from: 4, to: 5 }], context)).toEqual(
      parts.map((part) => ({ ...part, origin: undefined })),
    );
    const two = [
      { source: "c-abc", from: 0, to: 9 },
      { source: "m-abc", from: 10 ** 15 - 1, to: 10 ** 15 },
    ];
    expect((await port.readRows(key, two, context)).map(({ source }) => source).sort()).toEqual(["c-abc", "m-abc"]);
    expect(await port.readRows(key, [{ source: "m-abc", from: 5, to: 5 }], context)).toEqual([]);
    expect(await port.readRows(newKey(), [{ source: "m-abc", from: 0, to: 5 }], context)).toEqual([]);
  });

  it("a range of more than 1 MB is read page by page", async () => {
    const key = newKey();
    const body = "好".repeat(90_000);
    await port.putRows(
      key,
      Array.from({ length: 10 }, (_, i) => row("m", i, body)),
      context,
    );
    sent = [];
    const read = await port.readRows(key, [{ source: "m", from: 0, to: 10 }], context);
    expect(read.map(({ body: each }) => each === body)).toEqual(Array(10).fill(true));
    expect(sent.length).toBeGreaterThan(2);
  });

  it("rows are listed by source or all, and deleted; the head is none", async () => {
    const key = newKey();
    await port.casHead(key, head("a"), undefined, [], context);
    await port.putRows(key, [row("m", 1), row("m", 1), row("m", 2), row("mm", 1), row("s-1", 0)], context);
    const all = await port.listRows(key, undefined, undefined, context);
    expect(all.addresses.map(({ source, index }) => `${source}:${index}`).sort()).toEqual([
      "m:1",
      "m:2",
      "mm:1",
      "s-1:0",
    ]);
    expect((await port.listRows(key, "m", undefined, context)).addresses).toHaveLength(2);
    await port.deleteRows(key, [...all.addresses.slice(0, 3), row("m", 99), row("m", 99)], context);
    expect((await port.listRows(key, undefined, undefined, context)).addresses).toHaveLength(1);
    expect(await port.readHead(key, context)).toEqual(head("a"));
  });

  it("listing goes on from page to page", async () => {
    const key = newKey();
    await port.putRows(
      key,
      Array.from({ length: 12 }, (_, i) => row("m", i, "x".repeat(290_000))),
      context,
    );
    const found: number[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await port.listRows(key, undefined, cursor, context);
      found.push(...page.addresses.map(({ index }) => index));
      cursor = page.cursor;
      pages++;
    } while (cursor !== undefined);
    expect(found).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(pages).toBeGreaterThan(2);
  });

  it("keys are listed with their heads, by prefix and pages of any size", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `p/${i}`);
    for (const name of names) await port.casHead(name, head(name), undefined, [], context);
    await port.putRows("p/rows only", [row("m", 1)], context);
    for (const limit of [1, 7, 100]) {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await port.listHeads({ prefix: "p/", limit, cursor, ended: false }, context);
        expect(page.heads.length).toBeLessThanOrEqual(limit);
        for (const each of page.heads) expect(each.head).toEqual(head(each.key));
        found.push(...page.heads.map(({ key }) => key));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(found.sort()).toEqual([...names].sort());
    }
    for (const prefix of ["none", "\ud83d", "é".repeat(400)]) {
      let cursor: string | undefined;
      do {
        const page = await port.listHeads({ prefix, limit: 9, cursor, ended: false }, context);
        expect(page.heads).toEqual([]);
        cursor = page.cursor;
      } while (cursor !== undefined);
    }
  });

  it("those that ended are listed too, and keys of which only rows are left are found", async () => {
    await port.casHead("q/ended", head("q", { count: 0 }), undefined, [], context);
    for (const key of ["q/ended", "q/orphans"]) {
      const rows = Array.from({ length: 30 }, (_, i) => row("m", i, "x".repeat(100_000)));
      await port.putRows(key, rows, context);
    }
    const listed = await port.listHeads({ prefix: "q/", limit: 9, cursor: undefined, ended: true }, context);
    expect(listed.heads.map(({ key }) => key)).toEqual(["q/ended"]);
    const lost = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await port.listLost?.(cursor, context);
      for (const key of page?.keys ?? []) if ((await port.readHead(key, context)) === undefined) lost.add(key);
      cursor = page?.cursor;
    } while (cursor !== undefined);
    expect(lost).toContain("q/orphans");
    expect(lost).not.toContain("q/ended");
  });

  it("gives up with its signal", async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(port.readHead(newKey(), { signal: controller.signal })).rejects.toThrow();
  });
});

describe.runIf(server)("what the layout chatkeep leaves in the table", () => {
  let client: DynamoDBClient;
  let tableName: string;
  const items = async () =>
    (await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }))).Items ?? [];

  beforeAll(async () => {
    client = newClient(server!.url);
    tableName = await makeTable(client, "chatkeep");
  });
  afterAll(async () => {
    await dropTable(client, tableName);
    client.destroy();
  });

  it("purgeExpired ends what has expired, with rows that the service left without a head; the living stay", async () => {
    const passing = new DynamoDBChatStore({ client, tableName, layout: "chatkeep", ttlSeconds: 1 });
    const lasting = new DynamoDBChatStore({ client, tableName, layout: "chatkeep" });
    const many = Array.from({ length: 40 }, (_, i) => ({ content: `m${i}` }));
    // Rows of batches are left alone for an hour, in case that somebody is just about to show them.
    for (let i = 0; i < 10; i++) await passing.addMessage("passing", { content: `m${i}` });
    await lasting.setMessages("lasting", many);
    await passing.setMessages("deleted by the service", many);
    const requests = new Requests(client, tableName);
    const port = new ChatkeepLayout(requests, { primaryKey: "SessionId", ttlAttribute: "TTL" });
    const { token = "" } = (await port.readHead("deleted by the service", context)) ?? {};
    await port.deleteHead("deleted by the service", token, context);
    await vi.waitFor(async () => expect(await items()).toHaveLength(92));
    // DynamoDB's time is told in whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 2_300));

    expect(await passing.purgeExpired({ thorough: true })).toBe(1);
    const left = await items();
    expect(left.filter(({ RowId }) => RowId?.S !== "~").map(({ SessionId }) => SessionId?.S)).toEqual(
      Array(40).fill("lasting"),
    );
    // The head of what ended is remembered for a day at least, and the service's to delete after a week.
    const ended = left.find(({ SessionId }) => SessionId?.S === "passing");
    expect(ended?.N).toEqual({ N: "0" });
    expect(Number(ended?.TTL?.N)).toBeGreaterThan(Date.now() / 1000 + 6 * 86_400);
    expect(left.some(({ SessionId }) => SessionId?.S === "deleted by the service")).toBe(false);
    expect(left.every((item) => item.TTL === undefined || item.RowId?.S === "~")).toBe(true);
    expect(await lasting.countMessages("lasting")).toBe(40);
    expect(await passing.purgeExpired()).toBe(0);
    await passing.close();
    await lasting.close();
  });

  it("no item comes near 400 KB, whatever is written", async () => {
    const store = new DynamoDBChatStore({ client, tableName, layout: "chatkeep" });
    await store.addMessage("large", { content: "\u0000".repeat(200_000) });
    await store.setMessages(
      "many",
      Array.from({ length: 30 }, () => ({ content: "好".repeat(120_000) })),
    );
    const sizes = (await items()).map((item) => Buffer.byteLength(JSON.stringify(item)));
    expect(Math.max(...sizes)).toBeLessThan(310_000);
    await store.close();
  });
});
