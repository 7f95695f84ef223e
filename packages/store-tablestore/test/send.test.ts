import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { type HttpProxy, httpProxy, makeCertificates, tcpProxy } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { TablestoreChatStore } from "../src/index.js";
import { loadSdk } from "../src/sdk.js";
import { RequestFailed, send } from "../src/send.js";
import { serviceError } from "./support/service-error.js";
import { dropTables, makeTables, newClient, type Place, placeOf } from "./support/tables.js";

const server = runningServer("tablestore");
const isRead = ({ url }: { url: string }) => url === "/GetRow";

describe.runIf(server)("requests through the SDK", () => {
  let place: Place;
  let proxied: Place;
  let proxy: HttpProxy;
  let tableName: string;
  let silent: Server | undefined;
  const stores: TablestoreChatStore[] = [];
  const open = (options: object) => {
    const store = new TablestoreChatStore({ ...proxied, tableName, ...options });
    stores.push(store);
    return store;
  };

  beforeAll(async () => {
    place = placeOf(server!);
    tableName = await makeTables(place, "chatkeep");
    proxy = await httpProxy(place.endpoint);
    proxied = { ...place, endpoint: proxy.url };
  });
  afterEach(async () => {
    proxy.always(undefined);
    silent?.closeAllConnections();
    silent?.close();
    for (const store of stores.splice(0)) await store.close();
  });
  afterAll(async () => {
    await dropTables(await newClient(place), tableName);
    await proxy.close();
  });

  async function failed(promise: Promise<unknown>): Promise<RequestFailed> {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return error instanceof RequestFailed ? error : expect.fail(String(error));
  }
  async function sending(timeoutMs = 10_000) {
    return { client: await newClient(proxied), timeoutMs, note: () => {} };
  }
  const getRow = () => ({ tableName, primaryKey: [{ key: "k" }], maxVersions: 1 });
  const context = { signal: new AbortController().signal };

  it("a code is read from what the SDK takes for text", async () => {
    proxy.next(1, serviceError(404, "OTSObjectNotExist", "Requested table does not exist."));
    expect(await failed(send(await sending(), "getRow", getRow(), context))).toMatchObject({
      code: "OTSObjectNotExist",
      status: 404,
      operation: "getRow",
    });
  });

  it.each([
    ["after a while", 300, 600_000],
    ["when the caller gives up", 600_000, 300],
  ])("what never comes is given up %s, and its connection closed", async (_title, timeoutMs, abortsAfter) => {
    const server = createServer();
    silent = server;
    const closed = new Promise<void>((resolve) => {
      server.once("request", ({ socket }) => void socket.once("close", () => resolve()));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const signal = AbortSignal.timeout(abortsAfter);
    const client = await newClient({ ...place, endpoint: `http://127.0.0.1:${port}` });
    const error = await failed(send({ client, timeoutMs, note: () => {} }, "getRow", getRow(), { signal }));
    expect([error.code, error.status]).toEqual(["", 0]);
    await closed;
  });

  it.each([
    ["a request of 100,000 bytes", 100_000, undefined],
    ["an answer that says it has 100,000 bytes", 0, { "content-length": "100000" }],
  ])("%s is waited for a second longer", async (_title, bytes, head) => {
    const server = createServer((_request, response) => {
      if (head !== undefined) response.writeHead(200, head).flushHeaders();
    });
    silent = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = await newClient({ ...place, endpoint: `http://127.0.0.1:${port}` });
    const began = performance.now();
    await failed(send({ client, timeoutMs: 300, note: () => {} }, "getRow", getRow(), context, bytes));
    expect(performance.now() - began).toBeGreaterThan(1_250);
  });

  it("an answer that is cut off is not waited for", async () => {
    proxy.next(1, { kind: "truncate-reply", bytes: 1 });
    const error = await failed(send(await sending(600_000), "getRow", getRow(), context));
    expect([error.code, error.status]).toEqual(["", 0]);
  });

  it("an answer that lost its row on the way is not taken for an empty conversation", async () => {
    const store = open({ maxRetries: 0 });
    await store.addMessage("k", { content: "a" });
    // A GetRowResponse with its first field only still parses.
    proxy.next(1, { kind: "rewrite", reply: ({ body }) => ({ body: withoutRow(body) }) }, isRead);
    const error = await store.countMessages("k").catch((reason: unknown) => reason);
    expect(isChatStoreError(error, "UNAVAILABLE")).toBe(true);
    expect(await store.countMessages("k")).toBe(1);
  });

  it.each([
    ["our own client", async () => ({})],
    ["an injected one that is set to 20 retries", async () => ({ client: await newClient(proxied) })],
  ])("reads are not repeated by the SDK, with %s", async (_title, means) => {
    const { client } = (await means()) as { client?: object };
    const options = { tableName, maxRetries: 0 };
    const store = new TablestoreChatStore(
      client === undefined ? { ...proxied, ...options } : ({ client, ...options } as never),
    );
    stores.push(store);
    await store.countMessages("k");
    proxy.always((request) => (isRead(request) ? serviceError(503, "OTSServerUnavailable") : undefined));
    proxy.log.splice(0);
    const error = await store.countMessages("k").catch((reason: unknown) => reason);
    expect(isChatStoreError(error, "UNAVAILABLE")).toBe(true);
    expect(proxy.log).toHaveLength(1);
  });

  it("the setting for retries, which all clients of a process share, is left as it is", async () => {
    const { DefaultRetryPolicy } = (await loadSdk()) as unknown as { DefaultRetryPolicy: { maxRetryTimes: number } };
    const before = DefaultRetryPolicy.maxRetryTimes;
    await open({}).countMessages("k");
    expect(DefaultRetryPolicy.maxRetryTimes).toBe(before);
    expect(before).toBeGreaterThan(0);
  });

  it("https and http connections are used again", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const tls = await httpProxy(place.endpoint, { tls: await makeCertificates() });
    for (const [scheme, port] of [
      ["https", tls.port],
      ["http", proxy.port],
    ] as const) {
      const counting = await tcpProxy({ port });
      const store = open({ endpoint: `${scheme}://127.0.0.1:${counting.port}` });
      for (let i = 0; i < 20; i++) await store.countMessages("k");
      expect(counting.counts.connections, scheme).toBe(1);
      await store.close();
      await counting.close();
    }
    await tls.close();
    warn.mockRestore();
    vi.unstubAllEnvs();
  });

  it("a client of another copy of the SDK is told apart", async () => {
    const client = {
      ...(await newClient(proxied)),
      getRow(_params: object, callback: (this: object, error: Error) => void) {
        const error = new Error("expect CompositeCondition, RelationCondition, ColumnPaginationFilter but not ");
        callback.call({ httpResponse: { headers: {} } }, error);
      },
    };
    const store = new TablestoreChatStore({ client: client as never, tableName });
    const error = await store.countMessages("k").catch((reason: unknown) => reason);
    expect(isChatStoreError(error, "MISCONFIGURED") && error.message).toContain("npm dedupe");
  });
});

/** A GetRowResponse whose row is empty: its first field, and an empty second one. */
function withoutRow(body: Buffer): Buffer {
  const length = body[1] ?? 0;
  return Buffer.concat([body.subarray(0, 2 + length), Buffer.from([0x12, 0])]);
}
