import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  APPEND_ONLY_WEIGHTS,
  type Call,
  type CallEvent,
  type CheckResult,
  callsFromEvents,
  checkAppendOnly,
  checkHistory,
  type WorkloadOptions,
} from "@chatkeep/chat-store-conformance";
import { type Client, spawnClient } from "@chatkeep/test-servers";
import type { ClientSettings, Done, Order } from "./client.js";
import { readLog } from "./log.js";
import { integer, type Random, randomFor, seedFor } from "./random.js";
import type { Run } from "./run.js";
import type { Bench, KillableServer, Link, ProcessSubject, SharedSubject } from "./subject.js";

/** What the rounds of one kind are made of: calls of all clients together, and keys that they are spread over. */
interface RoundKind {
  readonly size: number;
  readonly keys: number;
  readonly workload?: Pick<WorkloadOptions, "weights" | "maxIndex">;
  check(calls: readonly Call[]): CheckResult;
}

const MIXED: RoundKind = { size: 120, keys: 3, check: checkHistory };
const APPENDING: RoundKind = {
  size: 1_500,
  keys: 2,
  workload: { weights: APPEND_ONLY_WEIGHTS },
  check: checkAppendOnly,
};
/** Nothing begins the history anew, so that a store's list of what lies where grows until the store makes it shorter. */
const EDITING: RoundKind = {
  size: 300,
  keys: 1,
  workload: { weights: { append: 4, insert: 8, edit: 3, delete: 2, pop: 1, read: 1, page: 2 }, maxIndex: 12 },
  check: checkHistory,
};
/** Calls that a client process has open at once. More, with those that are left open by kills, and searches get long. */
const WORKERS = 2;
const RETRIES = 3;
/** A client that does not come to its end in this time hangs, which is a failure of the run. */
const ROUND_SECONDS = 180;
const KILL_CLIENT = 0.6;
const KILL_SERVER = 0.25;
const KEPT_HISTORIES = 5;

const CLIENT = new URL("./client.ts", import.meta.url);

/** The place of one client process after the other. */
interface Slot {
  readonly number: number;
  readonly link: Link | undefined;
  client: Client | undefined;
  processes: number;
}

interface Round {
  readonly number: number;
  readonly kind: RoundKind;
  readonly keys: readonly string[];
  readonly logs: string[];
  readonly random: Random;
}

/** Rounds of work under faults, each judged when its faults are over, until the run ends. */
export async function runRounds(subject: SharedSubject | ProcessSubject, run: Run): Promise<void> {
  const bench = subject.kind === "shared" ? await subject.start(seedFor(run.seed, 1)) : undefined;
  const rounds = new Rounds(subject, bench, run);
  try {
    await rounds.run();
  } finally {
    await rounds.stop();
    await bench?.stop();
  }
}

class Rounds {
  readonly #bench: Bench | undefined;
  readonly #run: Run;
  readonly #slots: Slot[] = [];
  readonly #kinds: Readonly<Record<"appending" | "mixed" | "editing", RoundKind>>;
  #reader: Slot | undefined;
  readonly #counted = new Map<string, number>();
  #kept = 0;

  constructor(subject: SharedSubject | ProcessSubject, bench: Bench | undefined, run: Run) {
    this.#bench = bench;
    this.#run = run;
    const { big = APPENDING.size, editing = EDITING.size, round = MIXED.size } = subject.sizes ?? {};
    const mixed = { ...MIXED, size: round, workload: run.workload };
    this.#kinds = {
      appending: { ...APPENDING, size: big },
      mixed,
      // Which calls are made is for whoever says it.
      editing: run.workload.weights === undefined ? { ...EDITING, size: editing } : mixed,
    };
  }

  async run(): Promise<void> {
    const { clients, tally } = this.#run;
    const processes = this.#bench === undefined ? 1 : clients;
    for (let number = 1; number <= processes; number++) this.#slots.push(await this.#slot(number));
    // Never killed, and has no faults on its way. Where the data are the process's own it reads them itself.
    this.#reader = this.#bench === undefined ? this.#slots[0] : await this.#slot(0);
    const everybody = new Set([...this.#slots, ...(this.#reader === undefined ? [] : [this.#reader])]);
    await Promise.all([...everybody].map((slot) => this.#clientOf(slot)));
    if (this.#bench !== undefined && "notKilled" in this.#bench.server)
      tally.note(`not tried: kill -9 of the server: ${this.#bench.server.notKilled}`);

    const started = Date.now();
    while (!this.#run.over(tally.rounds)) {
      const big = tally.big <= (Date.now() - started) / 60_000;
      const number = tally.rounds + 1;
      await this.#round(number, this.#kinds[big ? "appending" : number % 3 === 2 ? "editing" : "mixed"]);
      tally.rounds += 1;
      if (big) tally.big += 1;
      this.#run.progress();
    }
    for (const { link } of this.#slots) if (link !== undefined) tally.faults(link.faults.counts);
  }

  async stop(): Promise<void> {
    const all = [...this.#slots, ...(this.#reader === undefined ? [] : [this.#reader])];
    await Promise.all(all.map(({ client }) => client?.kill()));
    await Promise.all(all.map(({ link }) => link?.close()));
  }

  async #slot(number: number): Promise<Slot> {
    const link = await this.#bench?.link(seedFor(this.#run.seed, 2, number));
    return { number, link, client: undefined, processes: 0 };
  }

  async #clientOf(slot: Slot): Promise<Client> {
    if (slot.client?.running()) return slot.client;
    slot.processes += 1;
    const { calm, seed, url } = this.#run;
    const settings: ClientSettings =
      slot.link === undefined
        ? { seed: seedFor(seed, 3, slot.processes), faulty: !calm }
        : { connection: slot.link.connection };
    slot.client = await spawnClient(CLIENT, [url, JSON.stringify(settings)]);
    await slot.client.receive();
    return slot.client;
  }

  async #round(number: number, kind: RoundKind): Promise<void> {
    const { calm, folder, seed, tally } = this.#run;
    const keys = Array.from({ length: kind.keys }, (_, key) => `soak/${seed}/${number}/${key}`);
    const round: Round = { number, kind, keys, logs: [], random: randomFor(seed, 4, number) };
    // Those of the last round's dead, before the faults begin: a round is for work.
    await Promise.all(this.#slots.map((slot) => this.#clientOf(slot)));
    this.#faults(!calm);
    const server = this.#killServer(round);
    try {
      await Promise.all(this.#slots.map((slot) => this.#work(slot, round)));
    } finally {
      await server.end();
      this.#faults(false);
    }
    await Promise.all(this.#slots.map(({ link }) => link?.settled()));
    await this.#read(round);

    const events = round.logs.flatMap((log) => readLog<CallEvent>(join(folder, log)));
    for (const log of round.logs) rmSync(join(folder, log), { force: true });
    const calls = callsFromEvents(events);
    const result = kind.check(calls);
    tally.calls(calls);
    tally.checked(result);
    if (result.verdict !== "linearizable") this.#keep(round, calls);
  }

  #faults(enabled: boolean): void {
    for (const { link } of this.#slots) if (link !== undefined) link.faults.enabled = enabled;
  }

  #share({ kind }: Round): number {
    return Math.max(1, Math.round(kind.size / this.#slots.length));
  }

  /** One client's part of a round. If it is killed, its successor goes on with half as much. */
  async #work(slot: Slot, round: Round): Promise<void> {
    const { calm, clients, tally } = this.#run;
    const { kind, keys } = round;
    const random = randomFor(this.#run.seed, 5, round.number, slot.number);
    let operations = this.#share(round);
    let kill = !calm && slot.link !== undefined && random() < KILL_CLIENT;
    for (let life = 1; ; life++) {
      const client = await this.#clientOf(slot);
      const id = `${round.number}-${slot.number}-${life}`;
      const order: Order = {
        do: "work",
        log: this.#log(round, id),
        client: `p${slot.number}${life > 1 ? "b" : ""}`,
        workers: slot.link === undefined ? clients : WORKERS,
        workload: {
          seed: seedFor(this.#run.seed, 6, round.number, slot.number, life),
          tag: id,
          keys,
          operations,
          retries: RETRIES,
          ...kind.workload,
        },
      };
      const killing = kill && slot.link !== undefined ? killAt(slot.link, client, random, operations) : undefined;
      client.send(order);
      try {
        const done = (await client.receive(ROUND_SECONDS)) as Done;
        if (slot.link === undefined) this.#countLocal(slot, done);
        // Its last request may have been the one: then it is dying.
        if (killing?.done !== true) return;
      } catch (error) {
        if (killing?.done !== true) throw error;
      } finally {
        killing?.release();
      }
      await client.exited;
      tally.fault("client killed");
      operations = Math.ceil(operations / 2);
      kill = false;
    }
  }

  /** Of faults inside of the process only the sum so far is told. */
  #countLocal(slot: Slot, { faults }: Done): void {
    for (const [kind, times = 0] of Object.entries(faults)) {
      const id = `${slot.number}/${slot.processes}/${kind}`;
      this.#run.tally.fault(kind, times - (this.#counted.get(id) ?? 0));
      this.#counted.set(id, times);
    }
  }

  #log(round: Round, id: string): string {
    const log = `${id}.jsonl`;
    round.logs.push(log);
    return join(this.#run.folder, log);
  }

  /** Kills the server when some request of the round arrives, and starts it again a moment later. */
  #killServer(round: Round): { end: () => Promise<void> } {
    const server = this.#bench?.server;
    const wanted = !this.#run.calm && round.random() < KILL_SERVER;
    if (server === undefined || "notKilled" in server || !wanted) return { end: async () => {} };
    const { tally } = this.#run;
    let left = integer(round.random, 1, Math.ceil((this.#share(round) * this.#slots.length) / 2));
    const pause = integer(round.random, 0, 100);
    let ended: Promise<void> | undefined;
    const releases = this.#slots.map(({ link }) =>
      link?.intercept({
        // Not awaited by the request: it meets the server dead, dying or, with the reply on its way, gone.
        request: async () => {
          if (--left !== 0) return undefined;
          ended = killAndRestart(server, pause);
          // Told when it is awaited.
          ended.catch(() => {});
          return undefined;
        },
      }),
    );
    return {
      async end() {
        for (const release of releases) release?.();
        if (ended === undefined) return;
        await ended;
        tally.fault("server killed");
      },
    };
  }

  async #read(round: Round): Promise<void> {
    const slot = this.#reader;
    if (slot === undefined) return;
    const client = await this.#clientOf(slot);
    const id = `${round.number}-read`;
    const order: Order = { do: "read", log: this.#log(round, id), client: "reader", keys: round.keys };
    client.send(order);
    await client.receive(ROUND_SECONDS);
  }

  /** A history that failed can be looked at again. */
  #keep(round: Round, calls: readonly Call[]): void {
    const { keep, tally } = this.#run;
    if (keep === undefined || this.#kept >= KEPT_HISTORIES) return;
    this.#kept += 1;
    mkdirSync(keep, { recursive: true });
    const file = join(keep, `${this.#run.store.replace(/[^\w-]+/g, "-")}-${this.#run.seed}-${round.number}.json`);
    writeFileSync(file, JSON.stringify(calls, undefined, 1));
    tally.note(`the history of round ${round.number}: ${file}`);
  }
}

async function killAndRestart(server: KillableServer, pause: number): Promise<void> {
  await server.kill();
  await sleep(pause);
  await server.restart();
}

/** Kills the client when some request of its first third arrives, or before it gets the reply to it. */
function killAt(link: Link, client: Client, random: Random, operations: number) {
  let left = integer(random, 1, Math.max(1, Math.floor(operations / 3)));
  const before = random() < 0.5 ? "request" : "reply";
  const killing = { done: false, release: () => {} };
  const kill = async () => {
    killing.done = true;
    await client.kill();
    return "drop" as const;
  };
  killing.release = link.intercept({
    request: async () => {
      if (killing.done) return "drop";
      left -= 1;
      // Some faults leave no reply to wait for: then a request soon after will do.
      return left === 0 && before === "request" ? kill() : left <= -3 ? kill() : undefined;
    },
    reply: async () => (killing.done ? "drop" : left <= 0 ? kill() : undefined),
  });
  return killing;
}
