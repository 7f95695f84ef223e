import { AzureNamedKeyCredential, TableClient, type TableServiceClientOptions } from "@azure/data-tables";
import { azuriteAccount } from "@chatkeep/test-servers";

/** The account's, which must appear in no error. */
export const credential = new AzureNamedKeyCredential(azuriteAccount.name, azuriteAccount.key);

/** A client as an application makes one: with the SDK's own retries, unless told otherwise. */
export function newClient(endpoint: string, table: string, options: TableServiceClientOptions = {}): TableClient {
  // The delay is shorter than the SDK's own, so that tests do not wait.
  const retryOptions = { retryDelayInMs: 20 };
  return new TableClient(endpoint, table, credential, { allowInsecureConnection: true, retryOptions, ...options });
}

/** Counts the requests of a client, each try of the SDK's own by itself. */
export function countRequests(client: TableClient, count: (method: string, url: string) => void): void {
  client.pipeline.addPolicy(
    {
      name: "testCountsRequests",
      sendRequest(request, next) {
        count(request.method, request.url);
        return next(request);
      },
    },
    { afterPhase: "Retry" },
  );
}

/** Makes time pass for a store on this client: it goes by the service's replies. */
export function shiftTime(client: TableClient, elapsedMs: () => number): void {
  client.pipeline.addPolicy(
    {
      name: "testShiftsTime",
      async sendRequest(request, next) {
        const response = await next(request);
        const time = Date.parse(response.headers.get("date") ?? "") + elapsedMs();
        response.headers.set("date", new Date(time).toUTCString());
        return response;
      },
    },
    // As if the service did it: behind everything that watches.
    { afterPhase: "Sign" },
  );
}

let tables = 0;

/** Letters and digits only, and a name of this process's own. */
export function newTableName(): string {
  return `T${process.pid}x${Date.now().toString(36)}x${tables++}`;
}

export interface Tables {
  chatTableName: string;
  metadataTableName: string;
}

export function newTables(): Tables {
  return { chatTableName: newTableName(), metadataTableName: newTableName() };
}

export async function dropTables(endpoint: string, { chatTableName, metadataTableName }: Tables): Promise<void> {
  for (const table of [chatTableName, metadataTableName]) await newClient(endpoint, table).deleteTable();
}
