import type { Row } from "./row.js";
import { append } from "./rows/append.js";
import { bulk } from "./rows/bulk.js";
import { inMemory } from "./rows/in-memory.js";
import { page } from "./rows/page.js";
import { tokens } from "./rows/tokens.js";
import { turn } from "./rows/turn.js";

/** In the order of the report. */
export const rows: readonly Row[] = [append, page, bulk, turn, inMemory, tokens];
