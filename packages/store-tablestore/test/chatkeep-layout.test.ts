import type { HeadPort, Row, StoredHead } from "@chatkeep/chat-store-core/backend";
import { fault, type TablestoreServer, tablestoreServer } from "@chatkeep/tablestore-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatkeepLayout } from "../src/chatkeep-layout.js";
import { TablestoreChatStore, type TablestoreClientLike } from "../src/index.js";
import { Requests } from "../src/requests.js";
import { loadSdk } from "../src/sdk.js";
import { tablesOf } from "../src/table.js";
import { makeTables, newClient, type Place, type TestClient, watched } from "./support/tables.js";

const context = { signal: new AbortController().signal };

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

describe("the head protocol's port on Tablestore", () => {
  let server: TablestoreServer;
  let client: TablestoreClientLike & TestClient;
  let place: Place;
  let tableName: string;
  let port: HeadPort;
  let sent: string[] = [];
  let keys = 0;
  const newKey = () => `key ${++keys}`;
  const read = async (key: string, source: string, from: number, to: number) =>
    (await port.readRows(key, [{ source, from, to }], context)).sort((a, b) => a.index - b.index || a.part - b.part);

  beforeAll(async () => {
    // A page has 5,000 rows: fewer show the same, and faster.
    server = await tablestoreServer({ tableReadyMs: 0, limits: { rowsPerRange: 500 } });
    const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = server;
    place = { endpoint, instanceName, accessKeyId, accessKeySecret };
    tableName = await makeTables(place, "chatkeep");
    client = watched(await newClient(place), (operation) => sent.push(operation));
    port = new ChatkeepLayout(new Requests(await loadSdk(), client), tablesOf(tableName));
  });
  afterAll(() => server.close());

  it("a head is created once, and swapped on its token", async () => {
    const key = newKey();
    const refused = { applied: false, sentOnce: true };
    expect(await port.readHead(key, context)).toBeUndefined();
    expect(await port.casHead(key, head("a"), undefined, [], context)).toEqual({ applied: true });
    expect(await port.casHead(key, head("b"), undefined, [], context)).toEqual(refused);
    sent = [];
    expect(await port.casHead(key, head("b"), "a", [], context)).toEqual({ applied: true });
    expect(sent).toEqual(["putRow"]);
    expect(await port.casHead(key, head("c"), "a", [], context)).toEqual(refused);
    expect(await port.casHead(newKey(), head("c"), "a", [], context)).toEqual(refused);
    expect(await port.readHead(key, context)).toEqual(head("b"));
    // What the new head does not have goes.
    await port.casHead(key, head("c", { expiresAt: 1_800_000_000_123 }), "b", [], context);
    expect(await port.readHead(key, context)).toEqual(head("c", { expiresAt: 1_800_000_000_123 }));
    await port.casHead(key, head("d"), "c", [], context);
    expect(await port.readHead(key, context)).toEqual(head("d"));
  });

  it("a head comes with the last rows of the newest incarnation, and neither waits for the other", async () => {
    const key = newKey();
    expect(await port.readNewest?.(key, 3, context)).toEqual({ head: undefined, rows: [] });
    const rows = Array.from({ length: 9 }, (_, i) => row("m2", i));
    await port.putRows(key, [...rows, row("m1", 99), row("b9", 99), row("c9", 99)], context);
    await port.putRows(`${key}~`, [row("m3", 0)], context);
    await port.casHead(key, head("a"), undefined, [], context);
    sent = [];
    const reading = port.readNewest?.(key, 3, context);
    expect(sent).toEqual(["getRow", "getRange"]);
    const newest = await reading;
    expect(newest?.head).toEqual(head("a"));
    expect(newest?.rows).toEqual([row("m2", 8), row("m2", 7), row("m2", 6)]);
    expect(sent).toEqual(["getRow", "getRange"]);
  });

  it("numbers are stored as INTEGER, not as the SDK would store a number", async () => {
    const key = newKey();
    await port.casHead(key, head("a", { expiresAt: 1_800_000_000_123 }), undefined, [], context);
    const { row } = await client.getRow({ tableName, primaryKey: [{ key }] });
    const values = (row.attributes ?? []).map(({ columnName, columnValue }) => [columnName, typeof columnValue]);
    expect(Object.fromEntries(values)).toEqual({
      token: "string",
      count: "object",
      at: "object",
      until: "object",
      head: "string",
    });
  });

  it("a head is deleted on its token only", async () => {
    const key = newKey();
    await port.casHead(key, head("a"), undefined, [], context);
    expect(await port.deleteHead(key, "b", context)).toBe(false);
    expect(await port.deleteHead(key, "a", context)).toBe(true);
    expect(await port.deleteHead(key, "a", context)).toBe(false);
    expect(await port.readHead(key, context)).toBeUndefined();
  });

  it("200 rows are one request, one that comes twice is sent once, and what is written again stays", async () => {
    const key = newKey();
    const rows = Array.from({ length: 450 }, (_, i) => row("m1", i));
    sent = [];
    await port.putRows(key, [...rows, ...rows.slice(0, 5)], context);
    expect(sent).toEqual(["batchWriteRow", "batchWriteRow", "batchWriteRow"]);
    expect(await read(key, "m1", 100, 200)).toEqual(rows.slice(100, 200));
    await port.putRows(key, rows.slice(0, 3), context);
    expect(await read(key, "m1", 0, 450)).toEqual(rows);
  });

  it("rows of 1.9 MB fit, two in a request, and a page of 4 MB is gone on with", async () => {
    const key = newKey();
    const { rowBytes } = port.limits;
    const rows = Array.from({ length: 5 }, (_, part) => ({
      ...row("m1", 0, "é".repeat(rowBytes / 2)),
      part,
      parts: 5,
      origin: "x:1",
    }));
    sent = [];
    await port.putRows(key, rows, context);
    expect(sent).toHaveLength(3);
    sent = [];
    expect(await read(key, "m1", 0, 1)).toEqual(rows);
    expect(sent.length).toBeGreaterThanOrEqual(3);
  });

  it("more rows than a page has are read and listed page by page", async () => {
    const key = newKey();
    const rows = Array.from({ length: 730 }, (_, i) => row("m1", i, "x"));
    await port.putRows(key, [...rows, row("s1", 0), row("m0", 7)], context);
    expect(await read(key, "m1", 0, 730)).toHaveLength(730);
    for (const [source, count] of [
      ["m1", 730],
      [undefined, 732],
    ] as const) {
      const listed = [];
      let cursor: string | undefined;
      do {
        const page = await port.listRows(key, source, cursor, context);
        listed.push(...page.addresses);
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(listed).toHaveLength(count);
    }
    await port.deleteRows(key, rows.slice(0, 500), context);
    expect(await read(key, "m1", 0, 730)).toEqual(rows.slice(500));
  });

  it("rows of a conversation are its own", async () => {
    const [a, b] = [`${newKey()}`, `${newKey()}\u0000`];
    await port.putRows(a, [row("m1", 0, "of a")], context);
    await port.putRows(b, [row("m1", 0, "of b"), row("m1", 1, "of b")], context);
    expect((await read(a, "m1", 0, 9)).map(({ body }) => body)).toEqual(["of a"]);
    await port.deleteRows(b, [row("m1", 0)], context);
    expect(await read(a, "m1", 0, 9)).toHaveLength(1);
    expect(await read(b, "m1", 0, 9)).toHaveLength(1);
  });

  it("rows of a batch that fail by themselves are sent again, until they are done or it is no use", async () => {
    const key = newKey();
    const rows = Array.from({ length: 100 }, (_, i) => row("m1", i));
    server.rowFaults.next(40, fault("before", "OTSRowOperationConflict"));
    server.rowFaults.next(20, fault("after", "OTSTimeout"));
    sent = [];
    await port.putRows(key, rows, context);
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(await read(key, "m1", 0, 100)).toEqual(rows);

    server.rowFaults.next(1, fault("before", "OTSNoPermissionAccess"));
    await expect(port.deleteRows(key, rows, context)).rejects.toMatchObject({ code: "OTSNoPermissionAccess" });
    await port.deleteRows(key, rows, context);
    expect(await read(key, "m1", 0, 100)).toEqual([]);
  });

  it("heads are listed by prefix and page, without their texts and without rows", async () => {
    const prefix = `list ${newKey()}/`;
    const names = ["", "a", "b/c", "\u0000", "é", "\u{1f600}", "\uffff", "zz"].map((name) => prefix + name);
    for (const key of [...names, `${prefix.slice(0, -1)}0`, "list"]) {
      await port.casHead(key, head("a", { expiresAt: 5 }), undefined, [], context);
      await port.putRows(key, [row("m1", 0, "x".repeat(100_000))], context);
    }
    for (const limit of [1, 3, 100]) {
      const listed = [];
      let cursor: string | undefined;
      do {
        const page = await port.listHeads({ prefix, limit, cursor, ended: true }, context);
        listed.push(...page.heads);
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(listed.map(({ key }) => key).sort()).toEqual([...names].sort());
      expect(listed[0]?.head).toEqual({ ...head("a", { expiresAt: 5 }), text: "" });
    }
    sent = [];
    await port.listHeads({ prefix, limit: 100, cursor: undefined, ended: false }, context);
    expect(sent).toEqual(["getRange"]);
    for (const impossible of ["\ud800", "x".repeat(2_000)]) {
      expect(await port.listHeads({ prefix: impossible, limit: 9, cursor: undefined, ended: false }, context)).toEqual({
        heads: [],
      });
    }
  });

  it("purgeExpired ends what has expired and removes its rows; the living stay", async () => {
    const table = await makeTables(place, "chatkeep");
    const expiring = new TablestoreChatStore({ client, tableName: table, ttlSeconds: 1 });
    const lasting = new TablestoreChatStore({ client, tableName: table });
    for (let i = 0; i < 20; i++) {
      await expiring.addMessage("over", { content: `m${i}` });
      await lasting.addMessage("alive", { content: `m${i}` });
    }
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await lasting.getKeys()).toEqual(["alive"]);
    expect(await lasting.purgeExpired()).toBe(1);
    expect(await lasting.purgeExpired()).toBe(0);
    const rows = new ChatkeepLayout(new Requests(await loadSdk(), client), tablesOf(table));
    expect((await rows.listRows("over", undefined, undefined, context)).addresses).toEqual([]);
    expect((await rows.listRows("alive", undefined, undefined, context)).addresses).toHaveLength(20);
    expect(await lasting.countMessages("alive")).toBe(20);
    await expiring.close();
    await lasting.close();
  });
});
