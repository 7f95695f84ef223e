import { crashClient } from "@chatkeep/store-tests/crash-client";
import { PostgresChatStore, type PostgresLayout } from "../../src/index.js";

const [uri = "", schemaName = "", layout = ""] = process.argv.slice(2);
await crashClient(PostgresChatStore.fromUri(uri, { schemaName, layout: layout as PostgresLayout }));
