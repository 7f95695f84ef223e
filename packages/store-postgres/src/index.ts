export type {
  PostgresChatStoreOptions,
  PostgresConnectionOptions,
  PostgresLayout,
  PostgresTableOptions,
} from "./options.js";
export type { PostgresClientLike, PostgresPoolLike, PostgresQuery, PostgresResult } from "./pool.js";
export { PostgresChatStore } from "./store.js";
