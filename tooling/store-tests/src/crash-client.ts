import type { ChatStore } from "@chatkeep/chat-store-core";
import { orders, say } from "@chatkeep/test-servers/client";
import { type CrashOrder, crashOrders } from "./crash-orders.js";

/** The script of a client that is to be killed in the middle of an operation on the key in its last argument. */
export async function crashClient(store: ChatStore): Promise<void> {
  const key = process.argv.at(-1) ?? "";
  say("ready");
  for await (const order of orders()) {
    await crashOrders[order as CrashOrder].apply(store, key);
    say("done");
  }
}
