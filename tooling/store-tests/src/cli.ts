// `pnpm interop-table`: what the tests with Python saw in their last run, into docs/llamaindex.md.
import { readFileSync, writeFileSync } from "node:fs";
import { page, withTables } from "./interop-table.js";

writeFileSync(page, withTables(readFileSync(page, "utf8")));
