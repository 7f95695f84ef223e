import type { ServerName } from "@chatkeep/test-servers";

/** The stores, each by the name of the server that it needs, if any, and what it is called in the table. */
export const stores = {
  simple: "Simple",
  redis: "Redis",
  upstash: "Upstash",
  azurite: "Azure",
  dynamodb: "DynamoDB",
  postgres: "Postgres",
  tablestore: "Tablestore",
} satisfies Partial<Record<ServerName | "simple", string>>;

export type StoreName = keyof typeof stores;
