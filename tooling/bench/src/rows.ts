import type { Row } from "./row.js";
import { append } from "./rows/append.js";
import { bulk } from "./rows/bulk.js";
import { inMemory } from "./rows/in-memory.js";
import { page } from "./rows/page.js";
import { requests } from "./rows/requests.js";
import { size } from "./rows/size.js";
import { strain } from "./rows/strain.js";
import { throughput } from "./rows/throughput.js";
import { tokens } from "./rows/tokens.js";
import { turn } from "./rows/turn.js";

/** In the order of the report. */
export const rows: readonly Row[] = [append, page, bulk, turn, inMemory, tokens, throughput, requests, strain, size];
