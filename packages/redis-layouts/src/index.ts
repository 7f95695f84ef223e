export { ChatkeepLayout, type ChatkeepLayoutOptions } from "./chatkeep-layout.js";
export { LlamaIndexLayout, type LlamaIndexLayoutOptions } from "./llamaindex-layout.js";
export { checkNames, type RedisLayout } from "./options.js";
export type { Command, PortLimits, Script, ScriptPort } from "./script-port.js";
export { explainDriverError, explainServerError } from "./server-errors.js";
