import { monitorEventLoopDelay } from "node:perf_hooks";
import { ChatMemoryBuffer } from "@chatkeep/chat-store-core";
import { RedisChatStore } from "@chatkeep/chat-store-redis";
import { numbers, plain, TTL_SECONDS } from "./histories.js";
import { messages, prose } from "./texts.js";

/** What a process that does nothing else came to: megabytes held, and the longest time in which no timer could run. */
export interface Strain {
  /** After as many appends as the name says. */
  readonly heapMegabytes: Readonly<Record<string, number>>;
  readonly stallMs: Readonly<Record<string, number>>;
}

const CLIENTS = 64;
const CONVERSATIONS = 1_000;

const [redisUrl = "", appendsText = ""] = process.argv.slice(2);
const appends = Number(appendsText);
const store = new RedisChatStore({ redisUrl, ttlSeconds: TTL_SECONDS });

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1e6;
}

async function holdMemory(): Promise<Record<string, number>> {
  const held: Record<string, number> = {};
  let number = 0;
  for (const until of [appends / 5, (appends * 3) / 5, appends]) {
    const client = async () => {
      while (number < until) {
        const mine = number++;
        await store.addMessage(`strain ${mine % CONVERSATIONS}`, plain(mine));
      }
    };
    await Promise.all(numbers(CLIENTS).map(client));
    held[String(until)] = heap();
  }
  return held;
}

/** The median of some runs, so that what else the machine does is not taken for a stall of ours. */
async function longestStall(run: () => Promise<unknown>): Promise<number> {
  const stalls: number[] = [];
  for (let time = 0; time < 5; time++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await new Promise((resolve) => setTimeout(resolve, 5));
    delay.reset();
    await run();
    await new Promise((resolve) => setTimeout(resolve, 5));
    delay.disable();
    stalls.push(delay.max / 1e6);
  }
  return stalls.sort((a, b) => a - b)[2] ?? Number.NaN;
}

async function stall(): Promise<Record<string, number>> {
  const long = "stall";
  await store.setMessages(long, messages(10_000));
  const memory = new ChatMemoryBuffer({ chatStore: store, chatStoreKey: long, tokenLimit: 3_000 });
  await memory.get();
  const single = (bytes: number) => async () => {
    const other = new ChatMemoryBuffer({ chatStoreKey: "single", tokenLimit: 100_000 });
    await other.put({ content: prose(bytes, Math.floor(Math.random() * 1e6)) });
    await other.get();
  };
  const calls: Record<string, () => Promise<unknown>> = {
    append: () => store.addMessage(long, plain(1)),
    "page of 20": () => store.getPage(long, { limit: 20 }),
    "page of 1,000": () => store.getPage(long, { limit: 1_000 }),
    "addMessages of 1,000": () => store.addMessages("stall, added", messages(1_000)),
    "a turn of the memory": async () => {
      await memory.put(plain(2));
      await memory.get();
    },
    "counting a message of 100 KB": single(100_000),
    "counting a message of 1 MB": single(1_000_000),
    "setMessages of 10,000": () => store.setMessages("stall, set", messages(10_000)),
    "getMessages of 10,000": () => store.getMessages(long),
  };
  const stalls: Record<string, number> = {};
  for (const [name, run] of Object.entries(calls)) stalls[name] = await longestStall(run);
  return stalls;
}

const heapMegabytes = await holdMemory();
const strain: Strain = { heapMegabytes, stallMs: await stall() };
console.log(JSON.stringify(strain));
await store.close();
