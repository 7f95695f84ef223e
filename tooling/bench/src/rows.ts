import type { Row } from "./row.js";
import { append } from "./rows/append.js";
import { bulk } from "./rows/bulk.js";
import { page } from "./rows/page.js";

/** In the order of the report. */
export const rows: readonly Row[] = [append, page, bulk];
