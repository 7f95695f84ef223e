import { exactlyOnce, httpFaults } from "@chatkeep/store-tests";
import { type HttpFault, type HttpRequest, httpProxy, serverBusy, through } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { AzureChatStore, type AzureLayout } from "../src/index.js";
import { tooManyRequests } from "./support/cosmos.js";
import { credential, dropTables, newClient, newTables } from "./support/tables.js";

const server = runningServer("azurite");
const layouts: AzureLayout[] = ["chatkeep", "llamaindex"];

const failure: HttpFault = {
  kind: "respond",
  forward: true,
  answer: {
    status: 500,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ "odata.error": { code: "OperationTimedOut", message: { lang: "en-US", value: "x" } } }),
  },
};

/** What changes a conversation: in the layout "llamaindex" the other table's rows follow. */
const isWrite =
  (metadataTable: string | undefined) =>
  ({ method, url, body }: HttpRequest) =>
    method !== "GET" &&
    !url.includes("PartitionKey='keys'") &&
    (metadataTable === undefined || !(url.includes(metadataTable) || body.includes(metadataTable)));

describe.runIf(server).each(layouts)("exactly once, layout %s", (layout) => {
  const tables = newTables();
  const write = isWrite(layout === "llamaindex" ? tables.metadataTableName : undefined);
  exactlyOnce<HttpRequest, HttpFault>({
    faults: {
      ...httpFaults,
      "it is applied and answered with HTTP 500": failure,
      "the service is busy": serverBusy,
      "Cosmos DB throttles": tooManyRequests(0),
    },
    isWrite: write,
    busy: { fault: tooManyRequests(0), says: "throttles" },
    async start() {
      const proxy = await httpProxy(server!.url);
      const endpoint = through(server!.url, proxy);
      const names = layout === "llamaindex" ? tables : { chatTableName: tables.chatTableName };
      const own = { credential, layout, ...names };
      const clientsAt = (url: string) => ({
        client: newClient(url, tables.chatTableName),
        ...(layout === "llamaindex" ? { metadataClient: newClient(url, tables.metadataTableName) } : {}),
      });
      await new AzureChatStore({ ...clientsAt(server!.url), layout }).setup();
      return {
        proxy,
        reader: new AzureChatStore({ ...clientsAt(server!.url), layout }),
        owned: (options) => new AzureChatStore({ ...own, endpoint, autoSetup: false, ...options }),
        injected: (options) => new AzureChatStore({ ...clientsAt(endpoint), layout, autoSetup: false, ...options }),
        async close() {
          await dropTables(server!.url, tables);
          await proxy.close();
        },
      };
    },
  });
});

describe.runIf(server)("when the service asks to wait", () => {
  it("waits as long as Retry-After says", async () => {
    const tables = newTables();
    const proxy = await httpProxy(server!.url);
    const endpoint = through(server!.url, proxy);
    const { chatTableName } = tables;
    const store = new AzureChatStore({ endpoint, credential, chatTableName });
    try {
      await store.addMessage("k", { content: "a" });
      const ordered = proxy.next(1, tooManyRequests(1), ({ method }) => method !== "GET");
      const started = Date.now();
      await store.addMessage("k", { content: "b" });
      expect(ordered.hits).toBe(1);
      expect(Date.now() - started).toBeGreaterThanOrEqual(1_000);
      expect(await store.countMessages("k")).toBe(2);
    } finally {
      await store.close();
      await dropTables(server!.url, tables);
      await proxy.close();
    }
  });
});
