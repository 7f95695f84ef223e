import { crashClient } from "@chatkeep/store-tests/crash-client";
import { RedisChatStore, type RedisLayout } from "../../src/index.js";

const [redisUrl = "", layout = "", keyPrefix = ""] = process.argv.slice(2);
await crashClient(new RedisChatStore({ redisUrl, layout: layout as RedisLayout, keyPrefix }));
