import type { Subject } from "@chatkeep/chat-store-conformance";
import { azuriteAccount } from "@chatkeep/test-servers";
import { AzureChatStore, type AzureLayout, type AzureServiceMode } from "../../src/index.js";
import { countRequests, newClient, newTableName, shiftTime } from "./tables.js";

/** A layout at an endpoint, each place tables of its own. */
export function subjectOf(
  layout: AzureLayout,
  endpoint: string,
  { counts, serviceMode, ...more }: Partial<Subject> & { counts?: Counts; serviceMode?: AzureServiceMode },
): Subject {
  const places = new Map<object, () => Place>();
  return {
    name: `AzureChatStore, layout ${layout}`,
    async space() {
      let requests = 0;
      let elapsed = 0;
      const [chat, metadata] = [newTableName(), newTableName()];
      const connect = () => {
        const client = newClient(endpoint, chat);
        const metadataClient = newClient(endpoint, metadata);
        for (const each of [client, metadataClient]) {
          shiftTime(each, () => elapsed);
          countRequests(each, (method, url) => {
            if (counts?.(method, url) !== false) requests++;
          });
        }
        return layout === "llamaindex" ? { client, metadataClient } : { client };
      };
      const place = () => ({ ...connect(), layout, serviceMode });
      await new AzureChatStore(place()).setup();
      const space = {
        connect: async (options = {}) => new AzureChatStore({ ...place(), autoSetup: false, ...options }),
        requests: () => requests,
        // For this process and for the service.
        async advanceTime(milliseconds: number) {
          elapsed += milliseconds;
          Date.now = () => now() + elapsed;
        },
        async dispose() {
          Date.now = now;
          for (const table of [chat, metadata]) await newClient(endpoint, table).deleteTable();
        },
      };
      places.set(space, place);
      return space;
    },
    secrets: [azuriteAccount.key],
    async injected(space) {
      const place = places.get(space)?.();
      if (place === undefined) throw new Error("no such place");
      const probe = new AzureChatStore(place);
      return {
        store: new AzureChatStore(place),
        clientWorks: () =>
          probe.countMessages("k").then(
            (count) => count === 1,
            () => false,
          ),
        // It holds nothing that could be closed.
        closeClient: async () => {},
      };
    },
    ...more,
  };
}

const { now } = Date;

type Counts = (method: string, url: string) => boolean;

interface Place {
  client: ReturnType<typeof newClient>;
  layout: AzureLayout;
  serviceMode: AzureServiceMode | undefined;
}
