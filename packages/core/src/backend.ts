export {
  type Backend,
  BaseChatStore,
  CodedChatStore,
  type CommonOptions,
  type MaintenanceOptions,
} from "./backend/base-chat-store.js";
export { DocumentDriver, type DocumentDriverOptions } from "./backend/document/document-driver.js";
export type {
  DocumentChange,
  DocumentPort,
  DocumentResult,
  DocumentWrite,
  Expected,
  ListedDocument,
  StoredDocument,
} from "./backend/document/port.js";
export type {
  Driver,
  DriverKeys,
  DriverPage,
  Failure,
  Operation,
  ReadContext,
  WriteContext,
} from "./backend/driver.js";
export { FirstSends, MaybeForgotten } from "./backend/first-sends.js";
export { HeadDriver, type HeadDriverOptions, type PurgeOptions } from "./backend/head/head-driver.js";
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
export { distinctRows, lastPart, parseRowId, rowIdOf } from "./backend/head/row-id.js";
export type { Tuning } from "./backend/head/tuning.js";
export { checkClientAlone, checkOptionNames, oneOf } from "./backend/options.js";
export { type BatchLimits, batches, inParallel } from "./backend/parallel.js";
export { pause } from "./backend/pause.js";
export { RecentMap } from "./backend/recent-map.js";
export { ServiceClock } from "./backend/service-clock.js";
export { abortSignalOf, neverAborted } from "./backend/signals.js";
export { Turns } from "./backend/turns.js";
export { invalid, mayBeginKey, ttlMilliseconds, utf8Length } from "./backend/validate.js";
export { type ChatStoreErrorDetails, chatStoreError } from "./errors.js";
export { type Codec, decodeMessage, encodeMessage, type Payload } from "./messages/codec.js";
export { splitJsonArray } from "./messages/json.js";
export { spaceJson, stringifySpaced } from "./messages/spaced-json.js";
