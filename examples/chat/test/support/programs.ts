import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SimpleChatStore } from "@chatkeep/chat-store-core";
import { type OwnServer, startServer } from "@chatkeep/test-servers";

/** Node's arguments for a program of the example, with the workspace's packages from their sources. */
export function programOf(name: string): string[] {
  const preload = new URL("../../../../tooling/test-servers/src/client-preload.mjs", import.meta.url);
  return ["--import", preload.href, fileURLToPath(new URL(`../../${name}`, import.meta.url))];
}

/** The web server on a file of its own, which it keeps when it is killed and restarted. */
export async function startWeb(
  env: Readonly<Record<string, string>>,
  fill: (store: SimpleChatStore) => Promise<unknown> = async () => {},
): Promise<OwnServer & { read(key: string): ReturnType<SimpleChatStore["getMessages"]> }> {
  let file = "";
  const server = await startServer({
    name: "chat",
    async prepare({ directory }) {
      file = join(directory, "chat.json");
      const store = new SimpleChatStore();
      await fill(store);
      await store.persist(file);
    },
    command: ({ ports: [port] }) => ({
      file: process.execPath,
      args: programOf("server.js"),
      env: { CHAT_STORE: "simple", CHAT_STORE_FILE: file, PORT: String(port), ...env },
    }),
    ready: (_, output) => output.includes("http://"),
    readySeconds: 60,
    url: (port) => `http://127.0.0.1:${port}`,
  });
  // What is on disk.
  const read = async (key: string) => (await SimpleChatStore.fromPersistPath(file)).getMessages(key);
  return Object.assign(server, { read });
}
