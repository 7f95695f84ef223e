import { type CallEvent, record, runWorkload, type WorkloadOptions } from "@chatkeep/chat-store-conformance";
import { orders, say } from "@chatkeep/test-servers/client";
import { type Log, openLog } from "./log.js";
import { loadSubject, type Opened } from "./subject.js";

// A client process of a shared store, or the one process of a store that lives in it.

/** What the run sends. */
export type Order =
  | {
      readonly do: "work";
      readonly log: string;
      /** Unique among all clients of a round. */
      readonly client: string;
      /** Calls open at once. */
      readonly workers: number;
      readonly workload: WorkloadOptions;
    }
  /** Reads everything, by a store opened for it where it can be. */
  | { readonly do: "read"; readonly log: string; readonly client: string; readonly keys: readonly string[] };

/** What it says when it is done. */
export interface Done {
  /** So far, in this process. */
  readonly faults: Readonly<Partial<Record<string, number>>>;
}

/** What it is told at its start, as JSON. */
export type ClientSettings = { readonly connection: unknown } | { readonly seed: number; readonly faulty: boolean };

const READ_ATTEMPTS = 20;

const [url = "", text = ""] = process.argv.slice(2);
const settings = JSON.parse(text) as ClientSettings;
const subject = await loadSubject(url);

async function open(): Promise<Opened> {
  if (subject.kind === "shared" && "connection" in settings) return subject.open(settings.connection);
  if (subject.kind === "process" && "seed" in settings) return subject.open(settings.seed);
  throw new Error(`a store of kind "${subject.kind}" has no clients`);
}

let opened: Opened | undefined;

async function work({ client, workers, workload }: Order & { do: "work" }, log: Log): Promise<void> {
  opened ??= await open();
  const { faults, store } = opened;
  const onEvent = (event: CallEvent) => log.write(event);
  const recorders = Array.from(
    { length: workers },
    (_, worker) => record(store, { client: `${client}.${worker + 1}`, onEvent }).store,
  );
  if (faults !== undefined) faults.enabled = "faulty" in settings && settings.faulty;
  await runWorkload(recorders, workload);
  if (faults !== undefined) faults.enabled = false;
}

async function read({ client, keys }: Order & { do: "read" }, log: Log): Promise<void> {
  // Where the data are the process's own, nobody else can read them.
  const source = subject.kind === "process" && opened !== undefined ? opened : await open();
  const { store } = record(source.store, { client, onEvent: (event) => log.write(event) });
  for (const key of keys) {
    for (let attempt = 1; ; attempt++) {
      try {
        await store.getMessages(key);
        await store.getPage(key, { limit: 5 });
        await store.countMessages(key);
        break;
      } catch (error) {
        // No faults by now, but a server that has just been restarted may need a moment.
        if (attempt === READ_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
  if (source !== opened) await source.close();
}

say("ready");
for await (const order of orders() as AsyncIterable<Order>) {
  const log = openLog(order.log);
  await (order.do === "work" ? work(order, log) : read(order, log));
  log.close();
  const done: Done = { faults: opened?.faults?.counts ?? {} };
  say(done);
}
