import type { Subject } from "@chatkeep/chat-store-conformance";
import { DEFAULT_CREDENTIALS, type TablestoreServerOptions, tablestoreServer } from "@chatkeep/tablestore-server";
import { expect, vi } from "vitest";
import { TablestoreChatStore, type TablestoreLayout } from "../../src/index.js";
import { makeTables, newClient, type Place, watched } from "./tables.js";

/** The time of the store and of the server, which are in one process. The SDK signs with another. */
const clock = {
  elapsed: 0,
  advance(milliseconds: number) {
    if (this.elapsed === 0) {
      const real = Date.now;
      vi.spyOn(Date, "now").mockImplementation(() => real() + this.elapsed);
    }
    this.elapsed += milliseconds;
  },
};

interface Settings extends Partial<Subject> {
  /** Which requests count; all if not given. */
  counts?: (operation: string) => boolean;
  server?: TablestoreServerOptions;
}

/** A layout, each place on a server of its own whose clock can be moved on. */
export function subjectOf(
  layout: TablestoreLayout,
  { counts = () => true, server: options, ...more }: Settings,
): Subject {
  const places = new Map<object, { place: Place; tableName: string }>();
  return {
    name: `TablestoreChatStore, layout ${layout}`,
    async space() {
      let requests = 0;
      const server = await tablestoreServer({
        now: () => Date.now(),
        wallNow: () => Date.now(),
        tableReadyMs: 0,
        limits: { clockSkewSeconds: 1e6 },
        ...options,
      });
      const { url: endpoint, instanceName, accessKeyId, accessKeySecret } = server;
      const place = { endpoint, instanceName, accessKeyId, accessKeySecret };
      const tableName = await makeTables(place, layout);
      const client = watched(await newClient(place), (operation) => {
        if (counts(operation)) requests++;
      });
      const space = {
        connect: async (options = {}) => new TablestoreChatStore({ client, tableName, layout, ...options }),
        requests: () => requests,
        advanceTime: async (milliseconds: number) => clock.advance(milliseconds),
        dispose: () => server.close(),
      };
      places.set(space, { place, tableName });
      return space;
    },
    secrets: [DEFAULT_CREDENTIALS.accessKeyId, DEFAULT_CREDENTIALS.accessKeySecret],
    async injected(space) {
      const { place, tableName } = places.get(space) ?? expect.fail();
      const client = await newClient(place);
      const store = new TablestoreChatStore({ client, tableName, layout });
      const probe = new TablestoreChatStore({ client, tableName, layout });
      return {
        store,
        clientWorks: () =>
          probe.countMessages("k").then(
            (count) => count === 1,
            () => false,
          ),
        // The SDK's client holds nothing that could be closed.
        closeClient: async () => {},
      };
    },
    ...more,
  };
}
