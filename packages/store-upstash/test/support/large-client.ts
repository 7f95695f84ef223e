import { orders, say } from "@chatkeep/test-servers/client";
import { UpstashChatStore, type UpstashLayout } from "../../src/index.js";
import { largeMessages } from "./large-messages.js";

const [redisUrl = "", redisToken = "", keyPrefix = "", layout = "", key = ""] = process.argv.slice(2);
const store = new UpstashChatStore({ redisUrl, redisToken, keyPrefix, layout: layout as UpstashLayout });
say("ready");
for await (const order of orders()) {
  if (order === "set") await store.setMessages(key, largeMessages(2));
  else await store.addMessages(key, largeMessages(2));
  say("done");
}
