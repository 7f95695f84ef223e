import { parentPort, workerData } from "node:worker_threads";
import { numbers, textOf } from "./histories.js";
import { langChainRedis } from "./on-redis.js";
import { type LoadPeer, peerLoader } from "./peers.js";
import { roleOf } from "./texts.js";
import { TOKEN_LIMIT, type WorkerOrders } from "./turns.js";

/** Answers how many messages the window has. */
type TakeTurn = (number: number) => Promise<number>;

interface TokenEncoder {
  encode(text: string): number[];
}

/** A history in Redis and `trimMessages`, whose counter remembers each text: without that it takes minutes. */
async function langChainTurn({ url, key }: WorkerOrders, load: LoadPeer): Promise<TakeTurn> {
  const { trimMessages } = await load<{ trimMessages(all: unknown[], options: object): Promise<unknown[]> }>(
    "@langchain/core/messages",
  );
  const { getEncoding } = await load<{ getEncoding(name: string): TokenEncoder }>("js-tiktoken");
  const encoder = getEncoding("cl100k_base");
  const counts = new Map<string, number>();
  const count = (text: string) => {
    const tokens = counts.get(text) ?? encoder.encode(text).length;
    counts.set(text, tokens);
    return tokens;
  };
  const tokenCounter = (all: { content: string }[]) => all.reduce((sum, { content }) => sum + count(content), 0);
  const history = await langChainRedis(url, load);
  const options = { maxTokens: TOKEN_LIMIT, strategy: "last", startOn: "human", tokenCounter };
  return async (number) => {
    await history.append(key, number);
    await history.append(key, number + 1);
    return (await trimMessages([...(await history.newest(key, Number.MAX_SAFE_INTEGER))], options)).length;
  };
}

interface LlamaIndexMemory {
  put(message: object): void;
  getMessages(): Promise<unknown[]>;
}

/** Its own store in memory: it has none for Redis. */
async function llamaIndexTurn({ length }: WorkerOrders, load: LoadPeer): Promise<TakeTurn> {
  const { ChatMemoryBuffer } = await load<{ ChatMemoryBuffer: new (options: object) => LlamaIndexMemory }>(
    "@llamaindex/core/memory",
  );
  const message = (number: number) => ({ role: roleOf(number), content: textOf(number) });
  const chatHistory = numbers(length).map(message);
  // Without a model to ask for its context window it refuses, even if it is told the limit.
  const llm = { metadata: { contextWindow: TOKEN_LIMIT } };
  const memory = new ChatMemoryBuffer({ tokenLimit: TOKEN_LIMIT, chatHistory, llm });
  return async (number) => {
    memory.put(message(number));
    memory.put(message(number + 1));
    return (await memory.getMessages()).length;
  };
}

const orders = workerData as WorkerOrders;
const load = await peerLoader(orders.peersFolder);
const takeTurn = await (orders.memory === "langchain" ? langChainTurn : llamaIndexTurn)(orders, load);
parentPort?.on("message", async (number: number) => {
  const began = performance.now();
  const messages = await takeTurn(number);
  parentPort?.postMessage({ ms: performance.now() - began, messages });
});
parentPort?.postMessage("ready");
