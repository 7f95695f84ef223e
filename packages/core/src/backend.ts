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
export { HeadDriver, type HeadDriverOptions } from "./backend/head/head-driver.js";
export type {
  CasResult,
  HeadPort,
  ListedHead,
  PortLimits,
  Row,
  RowAddress,
  RowRange,
  StoredHead,
} from "./backend/head/port.js";
export type { Tuning } from "./backend/head/tuning.js";
export { Turns } from "./backend/turns.js";
export { ttlMilliseconds } from "./backend/validate.js";
export { type ChatStoreErrorDetails, chatStoreError } from "./errors.js";
export { decodeMessage, encodeMessage, type Payload } from "./messages/codec.js";
