/** Every store that `--store` knows by name. */
export const stores: Readonly<Record<string, URL>> = {
  azure: new URL("./stores/azure.ts", import.meta.url),
  dynamodb: new URL("./stores/dynamodb.ts", import.meta.url),
  postgres: new URL("./stores/postgres.ts", import.meta.url),
  redis: new URL("./stores/redis.ts", import.meta.url),
  simple: new URL("./stores/simple.ts", import.meta.url),
  "simple-file": new URL("./stores/simple-file.ts", import.meta.url),
  tablestore: new URL("./stores/tablestore.ts", import.meta.url),
  "tablestore-llamaindex": new URL("./stores/tablestore-llamaindex.ts", import.meta.url),
  upstash: new URL("./stores/upstash.ts", import.meta.url),
};
