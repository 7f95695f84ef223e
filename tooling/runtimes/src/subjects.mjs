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
};
