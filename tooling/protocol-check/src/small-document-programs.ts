import type { DocumentProgram } from "./document-protocol.js";
import { act, append, calm, forget, one, pop, read } from "./steps.js";

type Service = Pick<DocumentProgram, "style" | "remembered">;

/** As DynamoDB, with a client that sends again by itself. */
const parts: Service = {
  style: { sendsChanges: true, tellsCurrent: true, sentOnce: "counted", expiryUnitMs: 1_000 },
  remembered: 33,
};
/** As Tablestore. */
const whole: Service = {
  style: { sendsChanges: false, tellsCurrent: false, sentOnce: "known", expiryUnitMs: 1 },
  remembered: 33,
};
/** It never knows whether what was refused may have been applied. */
const unsure: Service = { ...parts, style: { ...parts.style, sentOnce: "unknown" } };

/** A conversation that the other program wrote is forgotten and changed at once. */
export const forgottenForeign: DocumentProgram = {
  ...unsure,
  seed: ["x", "y"],
  clients: [[forget], [pop, read]],
  trouble: calm,
};

/** Two processes bring one operation, and the history changes between them. */
export const broughtTwice: DocumentProgram = {
  ...parts,
  before: [append("x", "y")],
  clients: [[act({ kind: "pop" }, "caller")], [act({ kind: "pop" }, "caller")], [append("a")]],
  trouble: calm,
};

/** A caller's operation that finds nothing, and comes again when there is something. */
export const nothingAtFirst: DocumentProgram = {
  ...whole,
  before: [append("x"), pop],
  clients: [[act({ kind: "pop" }, "caller")], [append("a"), act({ kind: "pop" }, "caller"), read]],
  trouble: one("reply lost"),
};

/** A write is sent again when the conversation has expired that it was made for. */
export const expiredMeanwhile: DocumentProgram = {
  ...whole,
  ttlMs: 10_000,
  before: [append("x", "y")],
  clients: [[act({ kind: "edit", index: 1, value: "e" })], [read]],
  trouble: { faults: 1, kinds: ["delayed"], ticks: 2, tickMs: [8_000] },
};

export const smallDocumentPrograms: Record<string, DocumentProgram> = {
  "append / append, delayed": {
    ...parts,
    before: [append("z")],
    clients: [[append("a"), append("c")], [append("b")]],
    trouble: one("delayed"),
  },
  "append on a new key / append, sent twice": {
    ...parts,
    clients: [
      [append("a"), append("c")],
      [append("b"), read],
    ],
    trouble: one("sent twice"),
  },
  "pop / pop, reply lost": {
    ...whole,
    before: [append("x", "y")],
    clients: [[pop, read], [pop]],
    trouble: one("reply lost"),
  },
  "insert / delete, doubled": {
    ...parts,
    before: [append("x", "y")],
    clients: [[act({ kind: "insert", index: 1, value: "i" })], [act({ kind: "delete", index: 1 }), read]],
    trouble: one("doubled"),
  },
  "edit / trim, sent twice": {
    ...unsure,
    before: [append("x", "y")],
    clients: [[act({ kind: "edit", index: 0, value: "e" })], [act({ kind: "trim", keepLast: 1 }), read]],
    trouble: one("sent twice"),
  },
  "forget / append, delayed": {
    ...parts,
    before: [append("x")],
    clients: [
      [forget, append("a")],
      [append("b"), read],
    ],
    trouble: { ...one("delayed"), creationsOnce: true },
  },
  "forget / forget, sent twice": {
    ...parts,
    before: [append("x")],
    clients: [
      [forget, append("a")],
      [forget, read],
    ],
    trouble: { ...one("sent twice"), creationsOnce: true },
  },
  "a caller's retry from another process": {
    ...parts,
    before: [append("x", "y")],
    clients: [[act({ kind: "pop" }, "caller")], [act({ kind: "pop" }, "caller"), append("a")]],
    trouble: one("delayed"),
  },
  "expiry / append / purge": {
    ...parts,
    ttlMs: 10_000,
    before: [append("x")],
    clients: [[append("a")], [read, read], [{ housekeeping: "purge" }]],
    trouble: { faults: 0, kinds: [], ticks: 2, tickMs: [8_000], creationsOnce: true },
  },
  "forget of another program's / pop": forgottenForeign,
  "one operation of two processes / append": broughtTwice,
  "nothing at first / append": nothingAtFirst,
  "expiry / edit, delayed": expiredMeanwhile,
};
