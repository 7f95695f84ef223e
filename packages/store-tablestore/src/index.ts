export type { TablestoreChatStoreOptions, TablestoreLayout } from "./options.js";
export type { TablestoreClientLike } from "./sdk.js";
export { TablestoreChatStore } from "./store.js";
