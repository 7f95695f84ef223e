import { randomUUID } from "node:crypto";
import { exactlyOnce, httpFaults } from "@chatkeep/store-tests";
import { type HttpFault, type HttpRequest, httpProxy } from "@chatkeep/test-servers";
import { describe } from "vitest";
import { UpstashChatStore, type UpstashLayout } from "../src/index.js";
import { badGateway, throttled } from "./support/answers.js";
import { newClient, runningDatabase } from "./support/database.js";

const database = runningDatabase();
const layouts: UpstashLayout[] = ["chatkeep", "llamaindex"];

describe.runIf(database).each(layouts)("exactly once, layout %s", (layout) => {
  exactlyOnce<HttpRequest, HttpFault>({
    faults: {
      ...httpFaults,
      "it is applied and answered with an error page": { ...badGateway, forward: true },
      "it is throttled": throttled,
    },
    // Each of these operations is one request.
    isWrite: () => true,
    busy: { fault: throttled, says: "takes no more requests" },
    async start() {
      const { url, token } = database!;
      const proxy = await httpProxy(url);
      const keyPrefix = `${randomUUID()}:`;
      return {
        proxy,
        reader: new UpstashChatStore({ redisUrl: url, redisToken: token, keyPrefix, layout }),
        owned: (options) =>
          new UpstashChatStore({ redisUrl: proxy.url, redisToken: token, keyPrefix, layout, ...options }),
        injected: (options) =>
          new UpstashChatStore({ client: newClient({ url: proxy.url, token }), keyPrefix, layout, ...options }),
        close: () => proxy.close(),
      };
    },
  });
});
