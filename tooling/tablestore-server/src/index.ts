export { DOUBTFUL, type Doubtful } from "./doubtful.js";
export { ServiceError } from "./errors.js";
export { type FaultPlan, fault, type ReceivedRequest, type ReceivedRow, type RequestFault } from "./faults.js";
export { DOCUMENTED_LIMITS, type Limits } from "./limits.js";
export {
  DEFAULT_CREDENTIALS,
  type TablestoreServer,
  type TablestoreServerOptions,
  tablestoreServer,
} from "./server.js";
export type { Credentials } from "./signature.js";
