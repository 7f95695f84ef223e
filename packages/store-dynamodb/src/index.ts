export type {
  DynamoDBChatStoreOptions,
  DynamoDBClientLike,
  DynamoDBCredentials,
  DynamoDBLayout,
} from "./options.js";
export { DynamoDBChatStore, type MaintenanceOptions } from "./store.js";
