import type { Action } from "@chatkeep/chat-store-conformance";
import type { Step } from "./program.js";
import type { FaultKind, Trouble } from "./world.js";

// What small programs are written with.

export const calm: Trouble = { faults: 0, kinds: [], ticks: 0, tickMs: [] };
export const one = (kind: FaultKind): Trouble => ({ faults: 1, kinds: [kind], ticks: 0, tickMs: [] });

export const append = (...values: string[]): Step => ({ action: { kind: "append", values } });
export const act = (action: Action, operationId?: string): Step => ({
  action,
  ...(operationId === undefined ? {} : { operationId }),
});
export const pop = act({ kind: "pop" });
export const read = act({ kind: "read" });
export const forget = act({ kind: "forget" });
