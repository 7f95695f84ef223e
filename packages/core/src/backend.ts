export {
  type Backend,
  BaseChatStore,
  type CommonOptions,
  type MaintenanceOptions,
} from "./backend/base-chat-store.js";
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
export { checkClientAlone, checkOptionNames, oneOf } from "./backend/options.js";
export { type BatchLimits, batches, inParallel } from "./backend/parallel.js";
export { pause } from "./backend/pause.js";
export { ServiceClock } from "./backend/service-clock.js";
export { Turns } from "./backend/turns.js";
export { invalid, ttlMilliseconds, utf8Length } from "./backend/validate.js";
export { type ChatStoreErrorDetails, chatStoreError } from "./errors.js";
export { decodeMessage, encodeMessage, type Payload } from "./messages/codec.js";
