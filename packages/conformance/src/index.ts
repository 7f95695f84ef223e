export { type AppendOnlyOptions, checkAppendOnly } from "./checker/check-append-only.js";
export { type CheckOptions, checkHistory } from "./checker/check-history.js";
export type { Action, ActionKind, Answer, Call, History } from "./checker/history.js";
export {
  type CallEvent,
  callsFromEvents,
  type RecordableStore,
  type RecordOptions,
  record,
} from "./checker/recorder.js";
export {
  type Anomaly,
  assertLinearizable,
  type CheckResult,
  describeResult,
  type Violation,
} from "./checker/result.js";
export { APPEND_ONLY_WEIGHTS, DEFAULT_WEIGHTS, runWorkload, type WorkloadOptions } from "./checker/workload.js";
export {
  type ConformanceOptions,
  type ConformanceReport,
  defineConformance,
  runConformance,
  type TestRunner,
} from "./run.js";
export { type Ability, abilities, type CountedOperation, type Level, type Space, type Subject } from "./subject.js";
export { type Case, conformanceSuite, type Suite } from "./suite.js";
