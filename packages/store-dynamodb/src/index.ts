export type {
  DynamoDBChatStoreOptions,
  DynamoDBClientLike,
  DynamoDBCredentials,
  DynamoDBLayout,
} from "./options.js";
export { DynamoDBChatStore } from "./store.js";
