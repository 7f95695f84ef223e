export type { RedisChatStoreOptions, RedisClientLike, RedisLayout } from "./options.js";
export { RedisChatStore } from "./store.js";
