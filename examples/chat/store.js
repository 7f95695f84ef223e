// @ts-check
// Which store: the environment variable CHAT_STORE says it. An application that has made up its mind needs one of these.
import { SimpleChatStore } from "@chatkeep/chat-store-core";

/** @typedef {import("@chatkeep/chat-store-core").ChatStore} ChatStore */

const { env } = process;

/** @type {Record<string, () => Promise<ChatStore>>} */
const stores = {
  simple: () => SimpleChatStore.open(env.CHAT_STORE_FILE ?? "chat_store.json"),
  async redis() {
    const { RedisChatStore } = await import("@chatkeep/chat-store-redis");
    return new RedisChatStore({ redisUrl: setting("REDIS_URL") });
  },
  async upstash() {
    const { UpstashChatStore } = await import("@chatkeep/chat-store-upstash");
    return UpstashChatStore.fromEnv(); // UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN
  },
  async postgres() {
    const { PostgresChatStore } = await import("@chatkeep/chat-store-postgres");
    return PostgresChatStore.fromUri(setting("DATABASE_URL"));
  },
  async azure() {
    const { AzureChatStore } = await import("@chatkeep/chat-store-azure");
    return AzureChatStore.fromConnectionString(setting("AZURE_STORAGE_CONNECTION_STRING"));
  },
  async dynamodb() {
    const { DynamoDBChatStore } = await import("@chatkeep/chat-store-dynamodb");
    // Region and credentials are found by AWS's SDK. In production whoever deploys makes the table.
    return new DynamoDBChatStore({ tableName: setting("DYNAMODB_TABLE"), layout: "chatkeep", autoSetup: true });
  },
  async tablestore() {
    const { TablestoreChatStore } = await import("@chatkeep/chat-store-tablestore");
    return new TablestoreChatStore({
      endpoint: setting("OTS_ENDPOINT"),
      instanceName: setting("OTS_INSTANCE"),
      accessKeyId: setting("OTS_ACCESS_KEY_ID"),
      accessKeySecret: setting("OTS_ACCESS_KEY_SECRET"),
      autoSetup: true,
    });
  },
};

/** The store that CHAT_STORE names, by default a file. */
export async function openStore() {
  const name = env.CHAT_STORE || "simple";
  const open = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (open === undefined) throw new Error(`CHAT_STORE is none of ${Object.keys(stores).join(", ")}.`);
  return open();
}

/**
 * Settles when what was written can't be lost any more. A database had it when it answered; SimpleChatStore answers when
 * it has it in memory.
 * @param {ChatStore} store
 */
export async function settled(store) {
  if (store instanceof SimpleChatStore) await store.flush();
}

/** @param {string} name */
function setting(name) {
  const value = env[name];
  if (!value) throw new Error(`Set ${name}.`);
  return value;
}
