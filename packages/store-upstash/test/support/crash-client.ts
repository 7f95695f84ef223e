import { crashClient } from "@chatkeep/store-tests/crash-client";
import { UpstashChatStore, type UpstashLayout } from "../../src/index.js";

const [redisUrl = "", redisToken = "", keyPrefix = "", layout = ""] = process.argv.slice(2);
await crashClient(new UpstashChatStore({ redisUrl, redisToken, keyPrefix, layout: layout as UpstashLayout }));
