export { type Backend, BaseChatStore, type CommonOptions } from "./backend/base-chat-store.js";
export type {
  Driver,
  DriverKeys,
  DriverPage,
  Failure,
  Operation,
  ReadContext,
  WriteContext,
} from "./backend/driver.js";
export { ttlMilliseconds } from "./backend/validate.js";
export { type ChatStoreErrorDetails, chatStoreError } from "./errors.js";
export { decodeMessage, encodeMessage, type Payload } from "./messages/codec.js";
