import { orders, say } from "@chatkeep/test-servers/client";
import { DynamoDBChatStore, type DynamoDBLayout } from "../../src/index.js";
import { credentials, region } from "./tables.js";

// A client that is killed in the middle of what it is ordered to do.
const [endpoint = "", tableName = "", layout = "", key = ""] = process.argv.slice(2);
const store = new DynamoDBChatStore({ endpoint, region, credentials, tableName, layout: layout as DynamoDBLayout });
say("ready");
for await (const order of orders()) {
  const messages = Array.from({ length: 60 }, (_, i) => ({ content: `new${i}` }));
  if (order === "set") await store.setMessages(key, messages);
  else if (order === "add") await store.addMessages(key, messages);
  else await store.deleteMessage(key, 2);
  say({ done: order });
}
