import { fileURLToPath } from "node:url";
import { run } from "@chatkeep/test-servers";
import { OURS } from "../results.js";
import type { Row } from "../row.js";
import type { Strain } from "../strain.js";

const WHAT = "strain";
const script = fileURLToPath(new URL("../strain.ts", import.meta.url));
/** Calls whose time grows with the history by their nature, and a count of more than 100 KB. */
const WITHOUT_LIMIT = /10,000|1 MB/;

export const strain: Row = {
  name: WHAT,
  title: "Memory and stalls",
  text: `Of a process of its own with one \`RedisChatStore\`: the heap after a collection, when so many appends to 1,000 conversations have gone through, 64 at
a time; and the longest time for which a call kept the event loop from everything else (median of five calls).`,
  async measure({ results, servers, quick, wants }) {
    if (!wants("redis")) return;
    const { url } = await servers.get("redis");
    const appends = quick ? 10_000 : 100_000;
    const args = [...process.execArgv, script, url, String(appends)];
    const { heapMegabytes, stallMs } = JSON.parse(await run(process.execPath, args)) as Strain;
    const place = { what: WHAT, store: "redis", contender: OURS };
    for (const [count, value] of Object.entries(heapMegabytes)) {
      results.add({ ...place, variant: `${Number(count).toLocaleString("en-US")} appends`, unit: "MB of heap", value });
    }
    for (const [variant, value] of Object.entries(stallMs))
      results.add({ ...place, variant, unit: "ms of stall", value });
    const held = Object.values(heapMegabytes);
    const growth = (held.at(-1) ?? Number.NaN) - (held[0] ?? Number.NaN);
    results.aim(WHAT, "the heap grows by less than 1 MB over the last four fifths", growth, { atMost: 1 }, "MB");
    const limited = Object.entries(stallMs).filter(([name]) => !WITHOUT_LIMIT.test(name));
    const longest = Math.max(...limited.map(([, value]) => value));
    const text = "no stall over 50 ms, but in whole-history calls and in counting more than 100 KB";
    results.aim(WHAT, text, longest, { atMost: 50 }, "ms");
  },
};
