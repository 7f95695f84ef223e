import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { ChatMemoryBuffer } from "@chatkeep/chat-store-core";
import { RedisChatStore } from "@chatkeep/chat-store-redis";
import { startProcess } from "@chatkeep/test-servers";
import { plain, TTL_SECONDS, textOf } from "./histories.js";
import { OURS } from "./results.js";

export const TOKEN_LIMIT = 3_000;

/** One turn of a conversation: two messages are put, and the window for the next is got. Milliseconds and its length. */
interface Turn {
  readonly ms: number;
  readonly messages: number;
}

/** A memory on a history that is there. */
export interface TurnTaker {
  readonly name: string;
  /** Undefined when the turn was not over after so long; the memory can't be used any more then. */
  turn(number: number, deadlineMs: number): Promise<Turn | undefined>;
  close(): Promise<void>;
}

export async function chatkeepTurns(url: string, key: string): Promise<TurnTaker> {
  // The tokenizer is loaded once in a process.
  await new ChatMemoryBuffer().get();
  const chatStore = new RedisChatStore({ redisUrl: url, ttlSeconds: TTL_SECONDS });
  const memory = new ChatMemoryBuffer({ chatStore, chatStoreKey: key, tokenLimit: TOKEN_LIMIT });
  return {
    name: OURS,
    async turn(number) {
      const began = performance.now();
      await memory.put(plain(number));
      await memory.put(plain(number + 1));
      const { length } = await memory.get();
      return { ms: performance.now() - began, messages: length };
    },
    close: () => chatStore.close(),
  };
}

/** What a worker is to be. */
export interface WorkerOrders {
  readonly memory: "langchain" | "llamaindex";
  readonly peersFolder: string;
  readonly url: string;
  readonly key: string;
  readonly length: number;
}

/** In a thread of its own: some count tokens for minutes without a pause, and have to be stopped. */
export async function workerTurns(name: string, workerData: WorkerOrders): Promise<TurnTaker> {
  const worker = new Worker(new URL("./turn-worker.ts", import.meta.url), { workerData });
  const answer = () =>
    new Promise<Turn>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("message", (value: Turn) => {
        worker.off("error", reject);
        resolve(value);
      });
    });
  // It says when it is ready.
  await answer();
  return {
    name,
    turn(number, deadlineMs) {
      const turn = answer();
      worker.postMessage(number);
      return within(deadlineMs, turn);
    },
    close: async () => void (await worker.terminate()),
  };
}

const script = fileURLToPath(new URL("../python/turn.py", import.meta.url));

/** LlamaIndex's own, in a process of its own that tells how long each turn took. */
export async function pythonTurns(interpreter: string, url: string, key: string): Promise<TurnTaker> {
  let heard = (_line: string) => {};
  const next = () =>
    new Promise<string>((resolve) => {
      heard = resolve;
    });
  const ready = next();
  const child = await startProcess({
    file: interpreter,
    args: [script, url, key, String(TOKEN_LIMIT)],
    onLine: (line) => heard(line),
  });
  const ended = child.exited.then(() => {
    throw new Error(`python ended: ${child.output()}`);
  });
  ended.catch(() => {});
  await Promise.race([ready, ended]);
  return {
    name: "LlamaIndex Python",
    turn(number, deadlineMs) {
      const turn = Promise.race([next(), ended]).then((line) => JSON.parse(line) as Turn);
      child.write(`${JSON.stringify([textOf(number), textOf(number + 1)])}\n`);
      return within(deadlineMs, turn);
    },
    close: () => child.kill(),
  };
}

async function within<Value>(milliseconds: number, value: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  value.catch(() => {});
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
