export { type BesidePythonBench, besidePython } from "./beside-python.js";
export { type CrashBench, type DurableBench, killedClients, killedServer } from "./crashes.js";
export { exactlyOnce, type FaultBench, type FaultSubject } from "./exactly-once.js";
export { httpFaults, tcpFaults } from "./faults.js";
export { type Gap, type InteropBench, type InteropSubject, interop } from "./interop.js";
export { pythonFails, recorded } from "./interop-record.js";
export { PythonStore, type StoredMessage } from "./python-store.js";
export { type SampleName, samples } from "./samples.js";
