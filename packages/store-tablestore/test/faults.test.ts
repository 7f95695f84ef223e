import { exactlyOnce, httpFaults } from "@chatkeep/store-tests";
import { type HttpFault, type HttpRequest, httpProxy } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe } from "vitest";
import { TablestoreChatStore, type TablestoreLayout } from "../src/index.js";
import { serviceError } from "./support/service-error.js";
import { dropTables, makeTables, newClient, placeOf } from "./support/tables.js";

const server = runningServer("tablestore");
const layouts: TablestoreLayout[] = ["chatkeep", "llamaindex"];
const throttled = serviceError(503, "OTSOperationThrottled");

describe.runIf(server).each(layouts)("exactly once, layout %s", (layout) => {
  exactlyOnce<HttpRequest, HttpFault>({
    faults: {
      ...httpFaults,
      "it is applied and answered with OTSTimeout": { ...serviceError(503, "OTSTimeout"), forward: true },
      "it is applied and a gateway answers for the service": {
        kind: "respond",
        forward: true,
        answer: { status: 502, body: "<html>Bad gateway</html>" },
      },
      "it is throttled": throttled,
      "it meets another write": serviceError(409, "OTSRowOperationConflict"),
      "it meets a partition that moves": serviceError(503, "OTSPartitionUnavailable"),
    },
    isWrite: ({ url }) => /^\/(?:Put|Update|Delete)Row$/.test(url),
    busy: { fault: throttled, says: "throttles" },
    async start() {
      const place = placeOf(server!);
      const direct = await newClient(place);
      const tableName = await makeTables(place, layout);
      const proxy = await httpProxy(place.endpoint);
      const proxied = { ...place, endpoint: proxy.url };
      const client = await newClient(proxied);
      return {
        proxy,
        reader: new TablestoreChatStore({ client: direct, tableName, layout }),
        owned: (options) => new TablestoreChatStore({ ...proxied, tableName, layout, ...options }),
        injected: (options) => new TablestoreChatStore({ client, tableName, layout, ...options }),
        async close() {
          await dropTables(direct, tableName);
          await proxy.close();
        },
      };
    },
  });
});
