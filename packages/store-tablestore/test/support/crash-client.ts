import { crashClient } from "@chatkeep/store-tests/crash-client";
import { TablestoreChatStore, type TablestoreLayout } from "../../src/index.js";
import type { Place } from "./tables.js";

const [place = "", tableName = "", layout = ""] = process.argv.slice(2);
const options = { ...(JSON.parse(place) as Place), tableName, layout: layout as TablestoreLayout };
await crashClient(new TablestoreChatStore(options));
