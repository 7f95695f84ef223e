import type { HeadProgram } from "./head-protocol.js";
import type { Step } from "./program.js";
import { act, append, calm, forget, one, pop, read } from "./steps.js";
import { usualTuning } from "./tuning.js";

const hour = 60 * 60 * 1000;

const purge: Step = { housekeeping: "thorough purge" };

/** Rows ride with the head, so that nothing follows a small mutation: what is left are the mutations themselves. */
const together: Pick<HeadProgram, "limits" | "tuning"> = {
  limits: { rowBytes: 100, inlineBytes: 40, rowsWithHead: 4 },
  tuning: { ...usualTuning, keepStagedMs: 0 },
};
/** Rows follow, and anything longer than 8 bytes is staged. */
const apart: Pick<HeadProgram, "limits" | "tuning"> = {
  limits: { rowBytes: 100, inlineBytes: 8, rowsWithHead: 0 },
  tuning: { ...usualTuning, tailEntries: 1, keepStagedMs: 0 },
};
const long = (name: string) => `${name}----------`;

/** A conversation that ended so long ago that its head may go, and somebody who begins it anew. */
export const endedLongAgo: HeadProgram = {
  ...together,
  tuning: { ...together.tuning, keepEndedMs: 5 * hour },
  before: [append("x"), forget, { wait: 6 * hour }],
  clients: [[append("a"), read], [purge]],
  trouble: calm,
};

/** The same, with messages that are staged for the old head while it goes. */
export const stagedForAnEndedHead: HeadProgram = {
  ...apart,
  tuning: { ...apart.tuning, keepEndedMs: 5 * hour },
  before: [append("x"), forget, { wait: 6 * hour }],
  clients: [[append(long("a")), read], [append("b")], [purge], [purge]],
  trouble: calm,
};

/** A write of which nobody knows whether it will happen, and the conversation expires before it is sent again. */
export const expiredMeanwhile: HeadProgram = {
  ...together,
  ttlMs: 10_000,
  before: [append("x", "y")],
  clients: [[pop], [read]],
  trouble: { faults: 1, kinds: ["delayed"], ticks: 2, tickMs: [8_000] },
};

/** Programs so small that every way in which they can go is run. */
export const smallPrograms: Record<string, HeadProgram> = {
  "append / append": { ...apart, clients: [[append("a"), append("c")], [append("b")]], trouble: calm },
  "append / append, reply lost": {
    ...together,
    clients: [
      [append("a"), append("c")],
      [append("b"), read],
    ],
    trouble: one("reply lost"),
  },
  "append / append, delayed": { ...together, clients: [[append("a")], [append("b")]], trouble: one("delayed") },
  "append / append / pop": {
    ...together,
    before: [append("z")],
    clients: [[append("a")], [append("b")], [pop]],
    trouble: calm,
  },
  "append / pop, doubled": {
    ...apart,
    before: [append("z")],
    clients: [[append("a")], [pop]],
    trouble: one("doubled"),
  },
  "pop / pop / pop": { ...together, before: [append("x", "y")], clients: [[pop, pop], [pop]], trouble: calm },
  "pop / pop, delayed": { ...apart, before: [append("x", "y")], clients: [[pop], [pop]], trouble: one("delayed") },
  "insert / delete, reply lost": {
    ...together,
    before: [append("x", "y")],
    clients: [[act({ kind: "insert", index: 1, value: "i" })], [act({ kind: "delete", index: 1 }), read]],
    trouble: one("reply lost"),
  },
  "edit / trim, reply lost": {
    ...together,
    before: [append("x", "y")],
    clients: [[act({ kind: "edit", index: 0, value: "e" })], [act({ kind: "trim", keepLast: 1 })]],
    trouble: one("reply lost"),
  },
  "staged replace / append": {
    ...apart,
    before: [append("x")],
    clients: [[act({ kind: "replace", values: [long("r")] })], [append("a"), read]],
    trouble: calm,
  },
  "staged append / purge": {
    ...apart,
    before: [append("x")],
    clients: [[append(long("a"), "b")], [purge, read]],
    trouble: calm,
  },
  "staged append / purge, crash": {
    ...apart,
    before: [append("x")],
    clients: [[append(long("a"))], [purge]],
    trouble: one("crash"),
  },
  "compaction / purge": {
    ...apart,
    limits: { ...apart.limits, rowsWithHead: 4 },
    tuning: { ...apart.tuning, manyPieces: 1, piecesCopied: 2 },
    clients: [[append(long("a"), "b"), pop], [purge]],
    trouble: calm,
  },
  "compaction / pages": {
    ...together,
    tuning: { ...together.tuning, manyPieces: 1, piecesCopied: 2 },
    before: [append("x", "y")],
    clients: [[act({ kind: "insert", index: 1, value: "i" })], [{ walk: 2 }]],
    trouble: calm,
  },
  "forget / append on a new key": {
    ...together,
    clients: [
      [forget, append("a")],
      [append("b"), forget],
    ],
    trouble: one("delayed"),
  },
  "append on a new key / forget, doubled": {
    ...together,
    clients: [
      [append("a"), append("b")],
      [forget, read],
    ],
    trouble: one("doubled"),
  },
  "expiry / append, skewed clocks": {
    ...together,
    ttlMs: 10_000,
    skewMs: [-3_000, 3_000],
    before: [append("x")],
    clients: [[append("a")], [read, read]],
    trouble: { faults: 0, kinds: [], ticks: 2, tickMs: [8_000] },
  },
  "a caller's retry from another process": {
    ...together,
    before: [append("x", "y")],
    clients: [[act({ kind: "pop" }, "caller")], [act({ kind: "pop" }, "caller"), append("a")]],
    trouble: one("delayed"),
  },
  "a caller's retry, rows apart": {
    ...apart,
    before: [append("x"), append("y")],
    clients: [[act({ kind: "pop" }, "caller")], [act({ kind: "pop" }, "caller"), append("a"), read]],
    trouble: calm,
  },
  "purge of an ended head / append": endedLongAgo,
};
