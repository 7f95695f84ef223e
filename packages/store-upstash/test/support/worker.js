import { ChatMemoryBuffer } from "@chatkeep/chat-store-core";
import { UpstashChatStore } from "../../src/index.js";

/** Does what the body of a request says, a list of a method's name and its arguments, in a Cloudflare Worker. */
const worker = {
  async fetch(request, env) {
    if (request.method === "GET") return new Response("ready");
    const { keyPrefix, method, args } = await request.json();
    const store = UpstashChatStore.fromEnv({ env, keyPrefix, maxRetries: 0 });
    try {
      if (method === "runtime") return Response.json({ process: typeof process, Buffer: typeof Buffer });
      if (method !== "memory") return Response.json({ answer: await store[method](...args) });
      const memory = new ChatMemoryBuffer({
        chatStore: store,
        chatStoreKey: args[0],
        tokenizer: (text) => text.length,
      });
      await memory.put({ role: "user", content: args[1] });
      return Response.json({ answer: await memory.get() });
    } catch ({ code, message }) {
      return Response.json({ code, message });
    } finally {
      await store.close();
    }
  },
};

// biome-ignore lint/style/noDefaultExport: it makes the module a worker.
export default worker;
