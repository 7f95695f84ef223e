import { crashClient } from "@chatkeep/store-tests/crash-client";
import { AzureChatStore, type AzureLayout } from "../../src/index.js";
import { credential } from "./tables.js";

const [endpoint = "", chatTableName = "", metadataTableName = "", layout = ""] = process.argv.slice(2);
const options = { endpoint, credential, chatTableName, autoSetup: false, layout: layout as AzureLayout };
await crashClient(new AzureChatStore(layout === "llamaindex" ? { ...options, metadataTableName } : options));
