import { type HttpProxy, httpProxy } from "@chatkeep/test-servers";
import type { Histories } from "../histories.js";
import { LONGEST, overHttp } from "../over-http.js";
import { OURS, type Results } from "../results.js";
import type { Bench, Row } from "../row.js";
import { quantile } from "../statistics.js";
import { variantOf } from "./page.js";

const WHAT = "requests";
const SHORT = 100;
const THE_LONGEST = "the longest";
const LIMIT = 20;
const APPEND = "append";
const NEWEST = `newest ${LIMIT}`;
const TIMES = 9;
/** So many appends first, until a head remembers as many operations as it ever will. */
const WARM_UP = 40;

type Store = keyof typeof overHttp;

/** How long the long history is: emulators take minutes for more, and Azurite longer for a batch than the store waits. */
const LONG: Readonly<Record<Store, number>> = {
  upstash: 100_000,
  dynamodb: 10_000,
  azurite: 2_000,
  tablestore: 100_000,
};
const LONG_QUICK = 2_000;

export const requests: Row = {
  name: WHAT,
  title: "Requests, bytes and units",
  text: `Of one append of 400 characters and of one page of the newest ${LIMIT}, through a proxy that counts. "Before the answer" is what the caller waits for;
Chatkeep writes a message into its row after the answer on DynamoDB, Azure and Tablestore, where the head already holds it;
a page on Tablestore is a read of two tables, sent at the same time, since no request of it reads a row of one and a range of another. Bytes are those of
the bodies, both ways. Units are what DynamoDB Local says that it consumed. LangChain keeps a history in one DynamoDB item, which ends
at 400 KB, and no expiry; Upstash answers 10 MB at most, which those
reach that read everything; Mastra on DynamoDB reads its thread in pages. "Of the longest" is therefore of ${variantOf(LONG.upstash)} messages for Chatkeep
on Upstash and Tablestore, of ${variantOf(LONG.dynamodb)} on DynamoDB Local and ${variantOf(LONG.azurite)} on Azurite, of ${variantOf(LONGEST.upstash)} for the others on Upstash, and on DynamoDB
of ${variantOf(LONGEST.langChainDynamoDB)} for LangChain and ${variantOf(LONGEST.mastraDynamoDB)} for Mastra.`,
  async measure(bench) {
    for (const store of Object.keys(overHttp) as Store[]) if (bench.wants(store)) await measureStore(bench, store);
  },
};

async function measureStore({ results, servers, load, quick }: Bench, store: Store): Promise<void> {
  const server = await servers.get(store);
  const proxy = await httpProxy(new URL(server.url).origin);
  const meter = store === "dynamodb" ? meterCapacity(proxy) : undefined;
  const all = await overHttp[store](proxy, server, load);
  const long = quick ? LONG_QUICK : LONG[store];
  try {
    for (const { histories, longest = long } of all) {
      const lengths = { [SHORT]: SHORT, [THE_LONGEST]: Math.min(long, longest) };
      await countAll(results, { store, histories, lengths }, proxy, meter).catch((error: unknown) => {
        if (histories.name === OURS) throw error;
        // What it does not hold, or can't read back, is a dash in the table.
        console.warn(`${histories.name}: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`);
      });
    }
  } finally {
    for (const { histories } of all) await histories.close();
    await proxy.close();
  }
  judge(results, store);
}

interface Subject {
  readonly store: Store;
  readonly histories: Histories;
  /** By the names that the table has for them. */
  readonly lengths: Readonly<Record<string, number>>;
}

async function countAll(
  results: Results,
  { store, histories, lengths }: Subject,
  proxy: HttpProxy,
  meter: Meter | undefined,
): Promise<void> {
  for (const [name, length] of Object.entries(lengths)) {
    const key = `requests ${length}`;
    await histories.fill(key, length);
    for (let number = 0; number < WARM_UP; number++) await histories.append(key, number);
    await settled(proxy);
    const operations = {
      [APPEND]: () => histories.append(key, 1),
      [NEWEST]: () => histories.newest(key, LIMIT),
    };
    for (const [operation, run] of Object.entries(operations)) {
      const variant = `${operation} of ${name}`;
      await count(results, { store, variant, histories, run }, proxy, meter);
    }
  }
}

interface Counting {
  readonly store: Store;
  readonly variant: string;
  readonly histories: Histories;
  readonly run: () => Promise<unknown>;
}

async function count(
  results: Results,
  { store, variant, histories, run }: Counting,
  proxy: HttpProxy,
  meter: Meter | undefined,
): Promise<void> {
  const samples = new Map<string, number[]>();
  const note = (unit: string, value: number) => samples.set(unit, [...(samples.get(unit) ?? []), value]);
  for (let time = 0; time < TIMES; time++) {
    proxy.log.splice(0);
    meter?.take();
    await run();
    note("requests before the answer", proxy.log.length);
    await settled(proxy);
    note("requests in all", proxy.log.length);
    note(
      "bytes",
      proxy.log.reduce((sum, { bytes, replyBytes = 0 }) => sum + bytes + replyBytes, 0),
    );
    for (const [unit, value] of Object.entries(meter?.take() ?? {})) note(unit, value);
  }
  for (const [unit, values] of samples) {
    const place = { what: WHAT, store, variant, contender: histories.name };
    results.add({ ...place, unit, value: quantile(values, 0.5) });
  }
}

/** Until nothing more follows an answer. */
async function settled(proxy: HttpProxy): Promise<void> {
  for (let before = -1; before !== proxy.log.length; ) {
    before = proxy.log.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    await proxy.settled();
  }
}

interface Meter {
  /** What was consumed since the last time. */
  take(): Record<string, number>;
}

interface Consumed {
  CapacityUnits?: number;
}

/** Makes every request ask DynamoDB what it consumes, and sums up what it says. */
function meterCapacity(proxy: HttpProxy): Meter {
  let [read, write] = [0, 0];
  proxy.always(({ headers, body }) => {
    const operation = headers["x-amz-target"]?.split(".")[1] ?? "";
    if (!/Item|Query|Scan/.test(operation)) return undefined;
    const asking = JSON.stringify({ ...(JSON.parse(body.toString()) as object), ReturnConsumedCapacity: "TOTAL" });
    return {
      kind: "rewrite",
      request: () => ({ body: Buffer.from(asking) }),
      reply(reply) {
        const { ConsumedCapacity: consumed = [] } = JSON.parse(reply.body.toString()) as {
          ConsumedCapacity?: Consumed | Consumed[];
        };
        const units = [consumed].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
        if (/Put|Update|Delete|Write/.test(operation)) write += units;
        else read += units;
        return {};
      },
    };
  });
  return {
    take() {
      const taken = { "write units": write, "read units": read };
      [read, write] = [0, 0];
      return taken;
    },
  };
}

function judge(results: Results, store: Store): void {
  const find = (variant: string, unit: string) =>
    results.measurements.find(
      (each) =>
        each.what === WHAT &&
        each.store === store &&
        each.variant === variant &&
        each.unit === unit &&
        each.contender === OURS,
    )?.value ?? Number.NaN;
  const onPath = "requests before the answer";
  for (const length of [SHORT, THE_LONGEST]) {
    const append = `${APPEND} of ${length}`;
    const page = `${NEWEST} of ${length}`;
    const pages = store === "azurite" ? 2 : 1;
    results.aim(WHAT, `${store}: ${append} is 1 request`, find(append, onPath), { atMost: 1 }, "requests");
    results.aim(WHAT, `${store}: ${page} is at most ${pages}`, find(page, onPath), { atMost: pages }, "requests");
    if (store !== "dynamodb") continue;
    results.aim(
      WHAT,
      `${store}: ${append} is about 2 write units`,
      find(append, "write units"),
      { atMost: 2.5 },
      "units",
    );
  }
}
