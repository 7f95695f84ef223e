export type {
  AzureChatStoreOptions,
  AzureClientOptions,
  AzureConnectionOptions,
  AzureCredential,
  AzureLayout,
  AzureServiceMode,
  AzureSignature,
  AzureTableOptions,
  AzureTokenCredential,
  TableClientLike,
} from "./options.js";
export { AzureChatStore, type AzureFactoryOptions } from "./store.js";
