// Each store on a running server, for the conformance kit, in plain JavaScript for any runtime. Requests are counted and
// injected clients tried in the packages' own tests.

const lacks = { requestCount: "counted in the package's tests", injectedClient: "tried in the package's tests" };
let places = 0;
const place = () => `r${Date.now().toString(36)}${++places}`;

/** A place is a name that the store's options hold. */
function subject(name, connect, more = {}) {
  return {
    name,
    lacks,
    async space() {
      const options = connect(place());
      return { connect: async (others) => options({ ...others }), dispose: async () => {} };
    },
    ...more,
  };
}

export const subjects = {
  async simple() {
    const { SimpleChatStore } = await import("@chatkeep/chat-store-core");
    const own = { secondClient: "its data lives in one object", opaqueJson: "its toJSON is LlamaIndex's" };
    const connect = () => (others) => new SimpleChatStore(others);
    return subject("SimpleChatStore", connect, { lacks: { ...lacks, ...own } });
  },

  async dynamodb({ url }) {
    const { DynamoDBChatStore } = await import("@chatkeep/chat-store-dynamodb");
    const connection = {
      endpoint: url,
      region: "eu-test-1",
      credentials: { accessKeyId: "AKIDTEST", secretAccessKey: "secret" },
      layout: "chatkeep",
      autoSetup: true,
    };
    return subject("DynamoDBChatStore", (tableName) => (others) => {
      return new DynamoDBChatStore({ ...connection, tableName, ...others });
    });
  },

  async redis({ url }) {
    const { RedisChatStore } = await import("@chatkeep/chat-store-redis");
    return subject("RedisChatStore", (keyPrefix) => (others) => {
      return new RedisChatStore({ redisUrl: url, keyPrefix, ...others });
    });
  },

  async upstash({ url, token }) {
    const { UpstashChatStore } = await import("@chatkeep/chat-store-upstash");
    return subject("UpstashChatStore", (keyPrefix) => (others) => {
      return new UpstashChatStore({ redisUrl: url, redisToken: token, keyPrefix, ...others });
    });
  },

  async postgres({ url }) {
    const { PostgresChatStore } = await import("@chatkeep/chat-store-postgres");
    return subject("PostgresChatStore", (tableName) => (others) => {
      return new PostgresChatStore({ connectionString: url, max: 3, tableName, ...others });
    });
  },

  async azurite({ url }) {
    const { AzureChatStore } = await import("@chatkeep/chat-store-azure");
    return subject("AzureChatStore", (chatTableName) => (others) => {
      return AzureChatStore.fromConnectionString(url, {
        chatTableName,
        metadataTableName: `${chatTableName}m`,
        ...others,
      });
    });
  },

  async tablestore({ url, access }) {
    const { TablestoreChatStore } = await import("@chatkeep/chat-store-tablestore");
    return subject("TablestoreChatStore", (tableName) => (others) => {
      return new TablestoreChatStore({ endpoint: url, ...access, tableName, autoSetup: true, ...others });
    });
  },
};
