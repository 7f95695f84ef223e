import { azuriteAccount, type ServerInfo, type ServerName } from "@chatkeep/test-servers";
import type { Place } from "./readme-example.js";

/** The server of each store, and where the example in the store's README looks for it. */
export const storeServers: Readonly<Record<string, { server: ServerName; place(server: ServerInfo): Place }>> = {
  "store-redis": { server: "redis", place: ({ url }) => ({ literals: { "redis://localhost:6379": url } }) },
  "store-upstash": {
    server: "upstash",
    place: ({ url, token = "" }) => ({
      variables: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token },
    }),
  },
  "store-azure": {
    server: "azurite",
    place: ({ url }) => ({
      variables: {
        AZURE_STORAGE_CONNECTION_STRING: `DefaultEndpointsProtocol=http;AccountName=${azuriteAccount.name};AccountKey=${azuriteAccount.key};TableEndpoint=${url};`,
      },
    }),
  },
  "store-dynamodb": {
    server: "dynamodb",
    place: ({ url }) => ({
      variables: { AWS_ENDPOINT_URL_DYNAMODB: url, AWS_ACCESS_KEY_ID: "AKIDTEST", AWS_SECRET_ACCESS_KEY: "secret" },
    }),
  },
  "store-postgres": {
    server: "postgres",
    place: ({ url }) => ({ literals: { "postgresql://user:password@localhost:5432/app": url } }),
  },
  "store-tablestore": {
    server: "tablestore",
    place: ({ url, access }) => ({
      literals: {
        "https://chats.cn-hangzhou.ots.aliyuncs.com": url,
        ...(access === undefined ? {} : { chats: access.instanceName }),
      },
      variables: {
        OTS_ACCESS_KEY_ID: access?.accessKeyId ?? "",
        OTS_ACCESS_KEY_SECRET: access?.accessKeySecret ?? "",
      },
    }),
  },
};
