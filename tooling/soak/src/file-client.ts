import { type CallEvent, record, runWorkload, type WorkloadOptions } from "@chatkeep/chat-store-conformance";
import { orders, say } from "@chatkeep/test-servers/client";
import type { Flush } from "./durability.js";
import { openLog } from "./log.js";
import { turns } from "./lossy.js";
import { integer, randomFor } from "./random.js";
import { type FileStore, loadSubject } from "./subject.js";

// The process that owns a file, until it is killed, or ends.

export type FileOrder =
  /** Open the file and say what it holds: a `Holding`. */
  | { readonly do: "open"; readonly path: string }
  /** Work, and say now and then how many calls were answered: a `Progress`. */
  | { readonly do: "work"; readonly log: string; readonly seed: number; readonly workloads: readonly WorkloadOptions[] }
  /** Close the store and end; or just end. */
  | { readonly do: "close" | "leave" };

export type Holding = { readonly state: Record<string, string[]> } | { readonly refused: string };

export interface Progress {
  readonly answered: number;
  /** No more will come. */
  readonly done?: boolean;
}

/** One line of the log. */
export type FileEvent = CallEvent | { readonly flush: number; readonly at: Flush };

const SAID_EVERY = 5;
const MAX_FLUSH_PAUSE_MS = 40;

const [url = ""] = process.argv.slice(2);
const subject = await loadSubject(url);
if (subject.kind !== "file") throw new Error(`a store of kind "${subject.kind}" has no file`);
const clock = () => Number(process.hrtime.bigint()) / 1e6;
let store: FileStore | undefined;

async function open(path: string): Promise<Holding> {
  if (subject.kind !== "file") throw new Error("not a file");
  try {
    store = await subject.open(path);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { refused: `${code ?? "error"}: ${message}` };
  }
  const state: Record<string, string[]> = {};
  for (const key of await store.getKeys()) {
    const messages = await store.getMessages(key);
    state[key] = messages.map(({ content }) => String(content));
  }
  return { state };
}

async function work(owned: FileStore, { log: path, seed, workloads }: FileOrder & { do: "work" }): Promise<void> {
  const log = openLog(path);
  let answered = 0;
  const onEvent = (event: CallEvent) => {
    log.write(event);
    if (event.call.end !== undefined && ++answered % SAID_EVERY === 0) say({ answered } satisfies Progress);
  };
  let working = true;
  const flushing = (async () => {
    const random = randomFor(seed);
    for (let flush = 1; working; flush++) {
      await new Promise((resolve) => setTimeout(resolve, integer(random, 0, MAX_FLUSH_PAUSE_MS)));
      const start = clock();
      await owned.flush();
      log.write({ flush, at: { start, end: clock() } } satisfies FileEvent);
    }
  })();
  await Promise.all(
    workloads.map((workload, worker) => {
      const random = randomFor(seed, worker + 1);
      const { store: recorded } = record(owned, { client: `worker ${worker + 1}`, clock, onEvent });
      // In memory a call takes no time: it would be all over before the file is written once.
      const paced = new Proxy(recorded, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          return async (...args: unknown[]) => {
            await turns(random);
            return value.apply(target, args);
          };
        },
      });
      return runWorkload([paced], workload);
    }),
  );
  working = false;
  await flushing;
  log.close();
  say({ answered, done: true } satisfies Progress);
}

say("ready");
for await (const order of orders() as AsyncIterable<FileOrder>) {
  if (order.do === "open") {
    say("opening");
    say(await open(order.path));
  } else if (store === undefined) throw new Error("no file is open");
  else if (order.do === "work") await work(store, order);
  else {
    if (order.do === "close") await store.close();
    // Or the process would not end as long as somebody may send something.
    process.stdin.destroy();
    break;
  }
}
