import type { AzureProgram } from "./azure-protocol.js";
import { act, append, calm, forget, one, pop, read } from "./steps.js";

type Service = Pick<AzureProgram, "mode" | "actions" | "page">;

/** Whatever is done takes one transaction, and all is read at once. */
const large: Service = { mode: "storage", actions: 99, page: 1_000 };
/** What takes more than two entities beside the anchor takes several transactions. */
const small: Service = { ...large, actions: 2 };
const paged: Service = { ...large, page: 2 };

const insert = act({ kind: "insert", index: 0, value: "i" });
const edit = act({ kind: "edit", index: 0, value: "e" });

/** One deletes, and the other edits what it has read. */
export const deletedWhileEdited: AzureProgram = {
  ...large,
  before: [append("x", "y")],
  clients: [[forget], [edit]],
  trouble: calm,
};

/** What somebody left half done is tidied up by one that edits, while another appends. */
export const appendedWhileTidied: AzureProgram = {
  ...small,
  before: [append("x")],
  clients: [[append("a", "b", "c")], [edit], [append("d")]],
  trouble: { ...one("crash"), creationsOnce: true },
};

/** Messages move when a large change is tidied up, while another inserts. */
export const insertedWhileTidied: AzureProgram = {
  ...small,
  before: [append("x", "y"), append("z")],
  clients: [[act({ kind: "trim", keepLast: 1 })], [insert]],
  trouble: calm,
};

/** The last message is edited where that is more than one transaction takes. */
export const largeEdit: AzureProgram = {
  ...small,
  before: [append("x", "y", "z"), act({ kind: "delete", index: 1 })],
  clients: [[act({ kind: "edit", index: 1, value: "e" })], [append("a")]],
  trouble: calm,
};

/** A client deletes while a read of its own is under way. */
export const deletedWhileRead: AzureProgram = {
  ...large,
  before: [append("x", "y")],
  clients: [[forget, read]],
  atOnce: [true],
  trouble: calm,
};

export const smallAzurePrograms: Record<string, AzureProgram> = {
  "append on a new key / append": { ...large, clients: [[append("a")], [append("b")]], trouble: calm },
  "append / pop": { ...large, before: [append("x", "y")], clients: [[append("a")], [pop]], trouble: calm },
  "append / read, reply lost": {
    ...large,
    before: [append("x")],
    clients: [[append("a")], [read, read]],
    trouble: one("reply lost"),
  },
  "large append / read": {
    ...small,
    before: [append("x")],
    clients: [[append("a", "b", "c")], [read, read]],
    trouble: calm,
  },
  "append / pages": { ...paged, before: [append("x", "y", "z")], clients: [[append("a")], [read]], trouble: calm },
  "delete / edit": deletedWhileEdited,
  "large edit / append": largeEdit,
  "delete / read of the same client": deletedWhileRead,
};
