import { crashClient } from "@chatkeep/store-tests/crash-client";
import { DynamoDBChatStore, type DynamoDBLayout } from "../../src/index.js";
import { credentials, region } from "./tables.js";

const [endpoint = "", tableName = "", layout = ""] = process.argv.slice(2);
const options = { endpoint, region, credentials, tableName, layout: layout as DynamoDBLayout };
await crashClient(new DynamoDBChatStore(options));
