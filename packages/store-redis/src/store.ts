import { BaseChatStore } from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout, LlamaIndexLayout } from "@chatkeep/redis-layouts";
import { newClient } from "./client.js";
import { explain } from "./explain.js";
import { checkOptions, type RedisChatStoreOptions, type Settings } from "./options.js";
import { ScriptConnection } from "./script-connection.js";

/**
 * Keeps conversations in Redis: standalone, behind Sentinel, or a Cluster. Every operation is one script, and so one round
 * trip, but for the first append and the end of a conversation in a Cluster. In the layout "chatkeep", or in LlamaIndex Python's
 * own.
 */
export class RedisChatStore extends BaseChatStore {
  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Connects with the first operation. */
  constructor(options: RedisChatStoreOptions = {}) {
    const settings = checkOptions(options);
    super({ name: "redis", open: () => openDriver(settings), explain }, options);
  }
}

function openDriver({ client, connection, minReplicas, layout, keyPrefix, ttlMs }: Settings) {
  const own = client === undefined ? newClient(connection) : undefined;
  const port = new ScriptConnection(client ?? (own as NonNullable<typeof own>), {
    minReplicas,
    close: () => own?.disconnect(),
  });
  return layout === "llamaindex"
    ? new LlamaIndexLayout(port, { keyPrefix, ttlMs })
    : new ChatkeepLayout(port, { keyPrefix, ttlMs });
}
