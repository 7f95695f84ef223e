import { BaseChatStore, type Driver } from "@chatkeep/chat-store-core/backend";
import { ChatkeepLayout, LlamaIndexLayout } from "@chatkeep/redis-layouts";
import { explainer } from "./explain.js";
import {
  checkOptions,
  fromEnvironment,
  type Settings,
  type UpstashChatStoreOptions,
  type UpstashEnvironmentOptions,
} from "./options.js";
import { ScriptConnection } from "./script-connection.js";

/**
 * Keeps conversations in Upstash Redis over HTTP, each operation one request: in the layout "chatkeep" (appends of
 * constant cost, applied once) or in LlamaIndex Python's own (the same lists). Needs `fetch` and nothing of Node.
 */
export class UpstashChatStore extends BaseChatStore {
  /** Throws `INVALID_ARGUMENT` for options that are wrong or exclude each other. Sends nothing. */
  constructor(options: UpstashChatStoreOptions) {
    const settings = checkOptions(options);
    const explain = explainer({ retriesItself: options.client !== undefined });
    super({ name: "upstash", open: () => openDriver(settings), explain }, options);
  }

  /**
   * A store on the database that the environment names: `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`, or
   * `KV_REST_API_URL` and `KV_REST_API_TOKEN`. Throws `INVALID_ARGUMENT` when they are missing.
   */
  static fromEnv(options: UpstashEnvironmentOptions = {}): UpstashChatStore {
    return new UpstashChatStore(fromEnvironment(options));
  }
}

function openDriver({ client, layout, keyPrefix, ttlMs }: Settings): Driver {
  const port = new ScriptConnection(client);
  if (layout === "llamaindex") return new LlamaIndexLayout(port, { keyPrefix, ttlMs });
  return new ChatkeepLayout(port, { keyPrefix, ttlMs });
}
