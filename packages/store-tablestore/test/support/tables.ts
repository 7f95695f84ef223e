import { randomUUID } from "node:crypto";
import type { RunningServer } from "@chatkeep/test-servers/vitest-servers";
import { TablestoreChatStore, type TablestoreClientLike, type TablestoreLayout } from "../../src/index.js";
import { loadSdk } from "../../src/sdk.js";

/** Where a server is, and who may use it. */
export interface Place {
  endpoint: string;
  instanceName: string;
  accessKeyId: string;
  accessKeySecret: string;
}

/** As a store's options, for a server of the test run. */
export function placeOf({ url, access }: RunningServer): Place {
  if (access === undefined) throw new Error("the server has no access key");
  return { endpoint: url, ...access };
}

/** The SDK's own client, as far as tests use it beside stores. Without a callback it answers a promise. */
export interface TestClient {
  getRow(params: object): Promise<{ row: { attributes?: { columnName: string; columnValue: unknown }[] } }>;
  putRow(params: object): Promise<unknown>;
  listTable(params: object): Promise<{ tableNames: string[] }>;
  createTable(params: object): Promise<unknown>;
  describeTable(params: object): Promise<{ tableMeta: object; tableOptions: { timeToLive: number } }>;
  deleteTable(params: object): Promise<unknown>;
}

/** A client as an application makes it, with the SDK's own retries on. */
export async function newClient(place: Place): Promise<TablestoreClientLike & TestClient> {
  const { Client } = await loadSdk();
  const { endpoint, accessKeyId, accessKeySecret, instanceName } = place;
  const config = { endpoint, accessKeyId, secretAccessKey: accessKeySecret, instancename: instanceName };
  return new Client(config) as TablestoreClientLike & TestClient;
}

/** The same client, each of whose requests is told. */
export function watched<Client extends object>(client: Client, sent: (operation: string) => void): Client {
  return new Proxy(client, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (name !== "makeRequest" || typeof member !== "function") return member;
      return (operation: string, ...rest: unknown[]) => {
        sent(operation);
        return Reflect.apply(member, target, [operation, ...rest]);
      };
    },
  });
}

export function newTableName(): string {
  return `t_${randomUUID().replaceAll("-", "_")}`;
}

/** Makes tables of their own, as `setup()` does, and answers their name. */
export async function makeTables(place: Place, layout: TablestoreLayout): Promise<string> {
  const tableName = newTableName();
  const store = new TablestoreChatStore({ ...place, tableName, layout });
  await store.setup();
  await store.close();
  return tableName;
}

export async function dropTables(client: TestClient, tableName: string): Promise<void> {
  const { tableNames } = await client.listTable({});
  for (const name of tableNames) if (name.startsWith(tableName)) await client.deleteTable({ tableName: name });
}
