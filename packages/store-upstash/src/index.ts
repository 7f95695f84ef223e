export type {
  UpstashChatStoreOptions,
  UpstashClientLike,
  UpstashEnvironmentOptions,
  UpstashLayout,
} from "./options.js";
export { UpstashChatStore } from "./store.js";
