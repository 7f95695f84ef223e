import type { Operation, WriteContext } from "@chatkeep/chat-store-core/backend";
import { startRedis } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { ChatkeepLayout, type Script } from "../src/index.js";
import { type TestPort, type TestPortOptions, testPort } from "./support/port.js";

const server = runningServer("redis");
const signal = new AbortController().signal;
const reading = { signal };
let operations = 0;

/** A write of its own id, as the facade would make one. */
function writing(more: Partial<Operation> = {}): WriteContext {
  const id = `-${String(++operations).padStart(19, "0")}`;
  return { signal, mayBeApplied: false, operation: { id, fingerprint: "a", fromCaller: false, ...more } };
}

const payloads = (count: number, text = "m") => Array.from({ length: count }, (_, i) => `{"text":"${text}${i}"}`);

describe.runIf(server)("layout chatkeep", () => {
  const ports: TestPort[] = [];
  let keyPrefix = "";
  let spaces = 0;

  function open(options: TestPortOptions = {}, ttlMs?: number) {
    const port = testPort(server?.url ?? "", options);
    ports.push(port);
    return { port, driver: new ChatkeepLayout(port, { keyPrefix, ttlMs }) };
  }

  beforeEach(() => {
    keyPrefix = `chatkeep-layout-${process.pid}-${++spaces}:`;
  });

  afterAll(async () => {
    for (const { client } of ports) {
      for await (const names of client.scanStream({ match: `chatkeep-layout-${process.pid}-*`, count: 1_000 })) {
        if (names.length > 0) await client.unlink(names);
      }
    }
    for (const port of ports) await port.close();
  });

  it("changes nothing when a name of a conversation holds another type", async () => {
    const { driver, port } = open();
    const { client } = port;
    await driver.append("k", payloads(3), writing());
    const names = ["messages", "head", "answers"].map((name) => `${keyPrefix}{kk}:${name}`);
    const index = (await client.keys(`${keyPrefix}{i*}:keys`))[0] ?? "";
    expect(index).not.toBe("");
    const mutations = [
      () => driver.append("k", payloads(1), writing()),
      () => driver.insert("k", 1, "{}", writing()),
      () => driver.replace("k", payloads(1), writing()),
      () => driver.edit("k", 1, "{}", writing()),
      () => driver.remove("k", 1, writing()),
      () => driver.pop("k", writing()),
      () => driver.trim("k", 1, writing()),
      () => driver.forget("k", writing()),
    ];
    const refused = async (wrong: string, all: (() => Promise<unknown>)[]) => {
      const whole = (await client.exists(wrong)) === 1;
      const kept = `${wrong}:kept`;
      if (whole) await client.rename(wrong, kept);
      await client.set(wrong, "another program's");
      const dump = async () => Promise.all([...names, index].map((name) => client.dumpBuffer(name)));
      const state = await dump();
      for (const mutate of all) await expect(mutate(), wrong).rejects.toThrow("WRONGTYPE");
      expect(await dump()).toEqual(state);
      await client.del(wrong);
      if (whole) await client.rename(kept, wrong);
    };
    const [list = "", head = "", answers = ""] = names;
    for (const wrong of [list, head]) await refused(wrong, mutations);
    // The usual append has nothing to do with answers.
    await refused(answers, mutations.slice(1));
    // The index is only needed where a conversation ends or begins.
    await refused(index, [() => driver.trim("k", 0, writing()), () => driver.forget("k", writing())]);
    expect(await driver.count("k", reading)).toBe(3);
    await driver.trim("k", 1, writing());
    await refused(index, [() => driver.remove("k", 0, writing()), () => driver.pop("k", writing())]);
    await driver.pop("k", writing());
    await refused(index, [
      () => driver.append("k", payloads(1), writing()),
      () => driver.insert("k", 0, "{}", writing()),
      () => driver.replace("k", payloads(1), writing()),
    ]);
  });

  it("all of a conversation expires together, or nothing of it, whatever wrote to it before", async () => {
    const { driver: passing, port } = open({ requestBytes: 50 }, 60_000);
    const { driver: lasting } = open({ requestBytes: 50 });
    const lives = async (key: string) => {
      const found: boolean[] = [];
      for (const name of ["messages", "head", "answers"]) {
        const left = await port.client.pttl(`${keyPrefix}{k${key}}:${name}`);
        if (left !== -2) found.push(left > 0);
      }
      return [...new Set(found)];
    };
    // Staged ones too: more than 50 bytes.
    const mutations: ((driver: ChatkeepLayout, key: string) => Promise<unknown>)[] = [
      (driver, key) => driver.append(key, payloads(1), writing()),
      (driver, key) => driver.append(key, payloads(9), writing()),
      (driver, key) => driver.insert(key, 1, "{}", writing()),
      (driver, key) => driver.replace(key, payloads(1), writing()),
      (driver, key) => driver.replace(key, payloads(9), writing()),
      (driver, key) => driver.edit(key, 0, "{}", writing()),
      (driver, key) => driver.remove(key, 1, writing()),
      (driver, key) => driver.pop(key, writing()),
      async (driver, key) => driver.trim(key, (await driver.count(key, reading)) - 1, writing()),
    ];
    for (const [number, mutate] of mutations.entries()) {
      const key = `k${number}`;
      await passing.append(key, payloads(4), writing());
      await passing.pop(key, writing());
      expect(await lives(key), `${mutate}`).toEqual([true]);
      await mutate(lasting, key);
      expect(await lives(key), `${mutate}`).toEqual([false]);
      await mutate(passing, key);
      expect(await lives(key), `${mutate}`).toEqual([true]);
      // A conversation that begins where another has ended, and one whose head was lost.
      await lasting.forget(key, writing());
      await lasting.append(key, payloads(4), writing());
      expect(await lives(key), `${mutate}`).toEqual([false]);
      await passing.append(key, payloads(4), writing());
      await port.client.del(`${keyPrefix}{k${key}}:head`);
      await mutate(lasting, key);
      expect(await lives(key), `${mutate}`).toEqual([false]);
    }
  });

  it("finds places again after any number of inserts at one spot", async () => {
    const { driver } = open();
    await driver.append("k", payloads(4), writing());
    const expected = payloads(4);
    for (let i = 0; i < 150; i++) {
      await driver.insert("k", 2, `{"text":"in${i}"}`, writing());
      expected.splice(2, 0, `{"text":"in${i}"}`);
    }
    for (let i = 0; i < 5; i++) {
      await driver.insert("k", 0, `{"text":"first${i}"}`, writing());
      expected.unshift(`{"text":"first${i}"}`);
    }
    expect(await driver.readAll("k", reading)).toEqual(expected);
    const read: string[] = [];
    let before: string | undefined;
    do {
      const page = await driver.readPage("k", 7, before, reading);
      read.unshift(...page.payloads);
      before = page.before;
    } while (before !== undefined);
    expect(read).toEqual(expected);
  });

  it("goes on when the head or the answers are lost alone, and old cursors lead nowhere", async () => {
    const { driver, port } = open();
    await driver.append("k", payloads(6), writing());
    const { before } = await driver.readPage("k", 2, undefined, reading);
    await port.client.del(`${keyPrefix}{kk}:head`);
    await driver.append("k", payloads(1, "new"), writing());
    await expect(driver.readPage("k", 2, before, reading)).rejects.toMatchObject({ code: "CONFLICT" });
    const page = await driver.readPage("k", 3, undefined, reading);
    expect(page.payloads).toEqual([...payloads(6).slice(-2), ...payloads(1, "new")]);
    expect((await driver.readPage("k", 10, page.before, reading)).payloads).toEqual(payloads(4));
  });

  it.each([undefined, 60_000])(
    "an append leaves the same by its short way as by the long one, ttl %s",
    async (ttlMs) => {
      const { driver: short, port } = open({}, ttlMs);
      const { driver: long, port: longPort } = open({}, ttlMs);
      const run = longPort.run.bind(longPort);
      let ways = 0;
      Object.assign(longPort, {
        run: (script: Script, ...rest: [string[], string[], typeof reading]) => {
          const source = script.source.replace("\nlocal done = usual()", "\nlocal done = nil");
          if (source !== script.source) ways++;
          return run({ ...script, source }, ...rest);
        },
      });
      const mutations: ((driver: ChatkeepLayout, key: string, context: WriteContext) => Promise<unknown>)[] = [
        ...Array.from({ length: 6 }, (_, i) => (driver: ChatkeepLayout, key: string, context: WriteContext) => {
          return driver.append(key, payloads(i === 5 ? 1_500 : (i % 3) + 1), context);
        }),
        (driver, key, context) => driver.insert(key, 1, "{}", context),
        (driver, key, context) => driver.pop(key, context),
        (driver, key, context) => driver.forget(key, context),
      ];
      // Removals are rare, so that their answers are forgotten in between.
      const chosen = Array.from(
        { length: 120 },
        (_, i) => mutations[i % 40 < 36 ? i % 6 : 6 + (Math.floor(i / 40) % 3)],
      );
      const stateOf = async (key: string) => {
        const name = (what: string) => `${keyPrefix}{k${key}}:${what}`;
        const head = (await port.client.get(name("head")))
          ?.replace(/^(\d+) \d+ /, "$1 life ")
          .replace(/ \d{13}$/gm, " time");
        const lives = await Promise.all(["messages", "head"].map((what) => port.client.pttl(name(what))));
        const list = await port.client.lrange(name("messages"), 0, -1);
        return { list, head, lives: lives.map((life) => Math.ceil(life / 60_000)) };
      };
      for (const [i, mutate] of chosen.entries()) {
        const operation = writing({ fromCaller: i % 50 === 20 });
        await mutate?.(short, "short", operation);
        await mutate?.(long, "long", operation);
        if (i % 10 === 9) expect(await stateOf("short")).toEqual(await stateOf("long"));
        // The same operation again changes nothing.
        if (i % 10 === 5) await mutate?.(short, "short", operation);
      }
      expect(ways).toBeGreaterThan(100);
    },
  );

  it("answers a repeated removal with what it removed, and says so when that is no longer kept", async () => {
    const { driver } = open();
    const large = `{"text":"${"x".repeat(700_000)}"}`;
    await driver.append("k", [large, large, large], writing());
    const removals = [1, 2, 3].map((n) => writing({ id: `id ${n}`, fingerprint: `p${n}`, fromCaller: true }));
    for (const removal of removals) expect(await driver.pop("k", removal)).toBe(large);
    expect(await driver.pop("k", removals[2] as WriteContext)).toBe(large);
    await expect(driver.pop("k", removals[0] as WriteContext)).rejects.toMatchObject({ outcome: "unknown" });
    expect(await driver.count("k", reading)).toBe(0);
  });

  it("refuses a repeat that may have been done and forgotten, and no other", async () => {
    const { driver } = open();
    const first = writing();
    await driver.append("k", payloads(1), first);
    for (let i = 0; i < 32; i++) await driver.append("k", payloads(1), writing());
    await driver.append("k", payloads(1), { ...first, mayBeApplied: true });
    expect(await driver.count("k", reading)).toBe(33);
    await driver.append("k", payloads(1), writing());
    await expect(driver.append("k", payloads(1), { ...first, mayBeApplied: true })).rejects.toMatchObject({
      outcome: "unknown",
    });
    expect(await driver.count("k", reading)).toBe(34);
  });

  it("applies a repeat whose first try never came, though much is forgotten", async () => {
    const { driver, port } = open();
    for (let i = 0; i < 40; i++) await driver.append("k", payloads(1), writing());
    const head = `${keyPrefix}{kk}:head`;
    const aMinuteAgo = (await port.client.get(head))?.replace(/ (\d{13})$/gm, (_, time) => ` ${time - 60_000}`);
    await port.client.set(head, aMinuteAgo ?? "");
    const send = port.run.bind(port);
    Object.assign(port, { run: () => Promise.reject(new Error("lost on its way")) });
    const lost = writing();
    await expect(driver.append("k", payloads(1), lost)).rejects.toThrow("lost");
    Object.assign(port, { run: send });
    for (let i = 0; i < 30; i++) await driver.append("k", payloads(1), writing());
    await driver.append("k", payloads(1), { ...lost, mayBeApplied: true });
    expect(await driver.count("k", reading)).toBe(71);
  });

  it("an insert that was refused is not done when its request comes once more", async () => {
    const { driver } = open();
    for (const fromCaller of [true, false]) {
      const key = `refused ${fromCaller}`;
      const insert = writing({ fromCaller });
      expect(await driver.insert(key, 1, "{}", insert)).toBe(false);
      await driver.append(key, payloads(3), writing());
      expect(await driver.insert(key, 1, "{}", insert)).toBe(false);
      expect(await driver.readAll(key, reading)).toEqual(payloads(3));
    }
  });

  it("leaves nothing without an expiry when conversations expire or end", async () => {
    const { driver, port } = open({}, 60_000);
    await driver.append("kept", payloads(3), writing());
    await driver.pop("kept", writing());
    await driver.append("ended", payloads(3), writing());
    await driver.remove("ended", 1, writing());
    await driver.forget("ended", writing());
    await driver.pop("never", writing());
    const { client } = port;
    const names = (await client.keys(`${keyPrefix}*`)).filter((name) => !name.includes("{i"));
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) expect(await client.pttl(name), name).toBeGreaterThan(0);
    expect(await client.pttl(`${keyPrefix}{kkept}:messages`)).toBeLessThanOrEqual(60_000);
  });

  it("the index forgets what has expired when it is listed", async () => {
    for (const acrossSlots of [true, false]) {
      const { driver, port } = open({ acrossSlots }, 60_000);
      for (const key of ["a", "b", "c"]) await driver.append(key, payloads(1), writing());
      await port.client.unlink(`${keyPrefix}{ka}:messages`, `${keyPrefix}{kb}:messages`);
      expect((await listAll(driver)).sort()).toEqual(["c"]);
      const left = await Promise.all(
        (await port.client.keys(`${keyPrefix}{i*}:keys`)).map((i) => port.client.zcard(i)),
      );
      expect(left.reduce((sum, count) => sum + count, 0)).toBe(1);
      await driver.append("a", payloads(1), writing());
      expect((await listAll(driver)).sort()).toEqual(["a", "c"]);
      for (const key of ["a", "c"]) await driver.forget(key, writing());
      expect(await port.client.keys(`${keyPrefix}{i*}*`)).toEqual([]);
    }
  });

  it("an entry of the index is never lost to somebody who removes it, whatever comes between", async () => {
    // In a Cluster the steps of beginning and ending are apart. Here they are held between any two, in every order.
    type Part = (driver: ChatkeepLayout, key: string) => Promise<unknown>;
    const begin: Part = (driver, key) => driver.append(key, payloads(1), writing());
    const end: Part = (driver, key) => driver.forget(key, writing());
    const list: Part = (driver) => listAll(driver);
    const run = async (order: readonly number[], parts: readonly Part[], { expired = false } = {}) => {
      const clients = parts.map(() => open({ acrossSlots: false }));
      const gates = clients.map(() => [] as (() => void)[]);
      for (const [client, { port }] of clients.entries()) {
        const send = port.run.bind(port);
        Object.assign(port, {
          async run(...call: Parameters<typeof send>) {
            await new Promise<void>((resolve) => gates[client]?.push(resolve));
            return send(...call);
          },
        });
      }
      const key = `k${order.join("")}${expired}`;
      const { driver: setUp, port } = open({ acrossSlots: false });
      await setUp.append(key, payloads(1), writing());
      if (expired) await port.client.unlink(`${keyPrefix}{k${key}}:messages`);
      const all = Promise.all(clients.map(({ driver }, number) => parts[number]?.(driver, key)));
      let done = false;
      const ended = all.finally(() => {
        done = true;
      });
      for (let step = 0; !done; step++) {
        const client = order[step % order.length] ?? 0;
        const next = gates[client]?.shift() ?? gates.find((gate) => gate.length > 0)?.shift();
        next?.();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await ended;
      const exists = (await setUp.count(key, reading)) > 0;
      expect((await listAll(setUp)).includes(key), `order ${order}`).toBe(exists);
      if (exists) await setUp.forget(key, writing());
    };
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) {
        for (let c = 0; c < 3; c++) {
          for (let d = 0; d < 3; d++) await run([a, b, c, d], [begin, end, list]);
          await run([a, b, c], [begin, begin, list], { expired: true });
          await run([a, b, c, 3], [list, begin, list, begin], { expired: true });
        }
      }
    }
  });

  it("a conversation that two begin at once stays listed, though a third removes the entry of one of them", async () => {
    const held = () => {
      const { driver, port } = open({ acrossSlots: false });
      const gates: { name: string; pass: () => void }[] = [];
      const send = port.run.bind(port);
      let free = false;
      Object.assign(port, {
        async run(...call: Parameters<typeof send>) {
          if (!free) await new Promise<void>((pass) => gates.push({ name: call[0].name, pass }));
          return send(...call);
        },
      });
      const next = async () => {
        await expect.poll(() => gates.length).toBeGreaterThan(0);
        return gates[0]?.name;
      };
      /** Lets requests go until the next one is this. */
      const until = async (name: string) => {
        while ((await next()) !== name) gates.shift()?.pass();
      };
      const one = async (name: string) => {
        await until(name);
        gates.shift()?.pass();
      };
      const all = () => {
        free = true;
        for (const { pass } of gates.splice(0)) pass();
      };
      return { driver, until, one, all };
    };
    const { driver: setUp } = open({ acrossSlots: false });
    const [first, second, lister] = [held(), held(), held()];
    const begun = [first, second].map(({ driver }) => driver.append("k", payloads(1), writing()));
    for (const { one, until } of [first, second]) {
      await one("append");
      await one("list a key");
      await until("append");
    }
    const listing = listAll(lister.driver);
    await lister.one("check a key");
    await lister.until("unlist a key");
    await first.one("append");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await lister.one("unlist a key");
    for (const { all } of [lister, first, second]) all();
    await Promise.all([...begun, listing]);
    expect(await setUp.count("k", reading)).toBe(2);
    expect(await listAll(setUp)).toEqual(["k"]);
  });

  it.runIf(server?.own)("append, pages, pop and count cost the same at 100 and at 100,000 messages", async () => {
    // Of its own, for its counters.
    const own = await startRedis();
    const port = testPort(own.url);
    const driver = new ChatkeepLayout(port, { keyPrefix });
    const measure = async (count: number) => {
      const key = `of ${count}`;
      for (let i = 0; i < count; i += 10_000) await driver.append(key, payloads(Math.min(10_000, count)), writing());
      const { before } = await driver.readPage(key, 20, undefined, reading);
      await port.client.config("RESETSTAT");
      await driver.append(key, payloads(1), writing());
      await driver.readPage(key, 20, undefined, reading);
      await driver.readPage(key, 20, before, reading);
      await driver.readOldest(key, 20, reading);
      await driver.pop(key, writing());
      await driver.count(key, reading);
      const stats = await port.client.info("commandstats");
      const calls = [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]);
      return Object.fromEntries(calls.filter(([name]) => !["info", "config|resetstat", "config"].includes(`${name}`)));
    };
    const short = await measure(100);
    // An append of five commands, the newest page of three.
    expect(short).toMatchObject({ eval: 6, rpushx: 1, getrange: 1 });
    expect(await measure(100_000)).toEqual(short);
    await port.close();
    await own.stop();
  });
});

async function listAll(driver: ChatkeepLayout): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await driver.listKeys("", 2, cursor, reading);
    keys.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
}
