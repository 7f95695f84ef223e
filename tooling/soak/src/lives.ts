import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CallEvent, callsFromEvents, checkHistory, type WorkloadOptions } from "@chatkeep/chat-store-conformance";
import { type Client, spawnClient } from "@chatkeep/test-servers";
import { checkDurable, type Flush, type State } from "./durability.js";
import type { FileEvent, FileOrder, Holding, Progress } from "./file-client.js";
import { readLog } from "./log.js";
import { integer, type Random, randomFor, seedFor } from "./random.js";
import type { Run } from "./run.js";
import type { FileSubject } from "./subject.js";

/** How a process ends: killed while it opens the file or while it works, by closing the store, or by having nothing to do. */
type Ending = "kill-opening" | "kill" | "close" | "leave";

const OPERATIONS_PER_WORKER = 120;
/** Keys stay as they were left for ever, but for one of each worker, and one for so many lives. */
const LIVES_PER_KEY = 10;
const RIVAL = 0.15;
const MAX_OPENING_MS = 4;
const MAX_WORKING_MS = 15;

const CLIENT = new URL("./file-client.ts", import.meta.url);

/** One life of the file's process after the other; what each leaves behind is judged. */
export async function runLives(subject: FileSubject, run: Run): Promise<void> {
  const lives = new Lives(subject, run);
  try {
    while (!run.over(run.tally.rounds)) {
      await lives.next();
      run.tally.rounds += 1;
      run.progress();
    }
  } finally {
    await lives.stop();
  }
}

class Lives {
  readonly #subject: FileSubject;
  readonly #run: Run;
  readonly #clients = new Set<Client>();
  /** Started ahead, so that it can take over at once. */
  #spare: Promise<Client> | undefined;
  #state: State = {};
  #number = 0;
  #files = 1;

  constructor(subject: FileSubject, run: Run) {
    this.#subject = subject;
    this.#run = run;
  }

  async stop(): Promise<void> {
    await this.#spare?.catch(() => {});
    await Promise.all([...this.#clients].map((client) => client.kill()));
    const left = readdirSync(this.#run.folder).filter((name) => name.endsWith(".tmp"));
    if (left.length > 0) this.#run.tally.note(`${left.length} temporary files were left beside the file by kills`);
  }

  async #spawn(): Promise<Client> {
    const client = await spawnClient(CLIENT, [this.#run.url]);
    this.#clients.add(client);
    void client.exited.then(() => this.#clients.delete(client));
    await client.receive();
    return client;
  }

  get #path(): string {
    return join(this.#run.folder, `history-${this.#files}.json`);
  }

  async next(): Promise<void> {
    const number = ++this.#number;
    const random = randomFor(this.#run.seed, number);
    const client = await (this.#spare ?? this.#spawn());
    this.#spare = this.#spawn();
    // Told when it is awaited.
    this.#spare.catch(() => {});
    const ending = this.#ending(random);
    const log = join(this.#run.folder, `life-${number}.jsonl`);

    send(client, { do: "open", path: this.#path });
    await client.receive();
    if (ending === "kill-opening") {
      await sleep(random() * MAX_OPENING_MS);
      await this.#kill(client, "client killed while opening");
    } else {
      const holding = (await client.receive()) as Holding;
      if (!this.#opened(holding)) {
        await client.kill();
        return;
      }
      send(client, { do: "work", log, seed: seedFor(this.#run.seed, number), workloads: this.#workloads(number) });
      await this.#live(client, ending, random);
    }
    this.#judge(log, ending);
    rmSync(log, { force: true });
  }

  #ending(random: Random): Ending {
    const at = random();
    if (this.#run.calm) return at < 0.5 ? "close" : "leave";
    return at < 0.1 ? "kill-opening" : at < 0.8 ? "kill" : at < 0.9 ? "close" : "leave";
  }

  #workloads(number: number): WorkloadOptions[] {
    return Array.from({ length: this.#run.clients }, (_, worker) => ({
      seed: seedFor(this.#run.seed, number, worker),
      tag: `${number}.${worker + 1}`,
      keys: [`${worker + 1}/lasting`, `${worker + 1}/${Math.floor(number / LIVES_PER_KEY)}`],
      operations: OPERATIONS_PER_WORKER,
      ...this.#run.workload,
      // Some large ones, so that writing the file takes a moment.
      text: (name: string, random: Random) => (random() < 0.03 ? `${name} ${"x".repeat(4_000)}` : name),
    }));
  }

  /** Whether the file was opened, and holds what is in it. After a refusal the run goes on with another file. */
  #opened(holding: Holding): boolean {
    const { tally } = this.#run;
    if ("refused" in holding) {
      const anomaly = holding.refused.startsWith("CONFLICT") ? "lock-not-taken-over" : "not-opened";
      tally.anomaly(anomaly, `${anomaly}: life ${this.#number} could not open the file: ${holding.refused}`);
      this.#files += 1;
      this.#state = {};
      return false;
    }
    const [read, stored] = [canonical(holding.state), canonical(this.#state)];
    if (read !== stored)
      tally.anomaly("read-differently", `read-differently: the store read ${read}, and the file holds ${stored}`);
    return true;
  }

  async #live(client: Client, ending: Ending, random: Random): Promise<void> {
    const all = this.#run.clients * OPERATIONS_PER_WORKER;
    const target = ending === "kill" ? integer(random, 0, Math.floor(all * 0.8)) : Number.POSITIVE_INFINITY;
    const rival = random() < RIVAL;
    let progress: Progress = { answered: 0 };
    while (progress.answered < target && progress.done !== true) progress = (await client.receive()) as Progress;
    if (rival) await this.#rival();
    if (ending === "kill") {
      await sleep(random() * MAX_WORKING_MS);
      await this.#kill(client, "client killed");
      return;
    }
    send(client, { do: ending === "close" ? "close" : "leave" });
    const late = new AbortController();
    const exit = await Promise.race([client.exited, sleep(30_000, undefined, late)]);
    late.abort();
    if (exit?.code !== 0)
      throw new Error(`the process did not end by itself (${ending}). Its output:\n${client.output()}`);
  }

  async #kill(client: Client, fault: string): Promise<void> {
    await client.kill();
    this.#run.tally.fault(fault);
  }

  /** While one process has the file open, another one is refused. */
  async #rival(): Promise<void> {
    const spare = await this.#spare;
    if (spare === undefined) return;
    send(spare, { do: "open", path: this.#path });
    await spare.receive();
    const holding = (await spare.receive()) as Holding;
    this.#run.tally.fault("second process");
    if ("refused" in holding && holding.refused.startsWith("CONFLICT")) return;
    const told = "refused" in holding ? `was told ${holding.refused}` : "opened it";
    this.#run.tally.anomaly("two-owners", `two-owners: the file was open, and a second process ${told}`);
    await spare.kill();
    this.#spare = this.#spawn();
    this.#spare.catch(() => {});
  }

  #judge(log: string, ending: Ending): void {
    const { tally } = this.#run;
    const events: CallEvent[] = [];
    const flushes: Flush[] = [];
    for (const event of readLog<FileEvent>(log)) {
      if ("flush" in event) flushes.push(event.at);
      else events.push(event);
    }
    const history = callsFromEvents(events);
    tally.calls(history);
    tally.checked(checkHistory(history, { initial: this.#state }));

    let found: State;
    try {
      found = this.#parse();
    } catch (error) {
      tally.anomaly("torn-file", `torn-file: life ${this.#number} left a file that is not whole: ${String(error)}`);
      this.#files += 1;
      this.#state = {};
      return;
    }
    const life = { initial: this.#state, calls: history, flushes, ended: ending === "close" || ending === "leave" };
    const fault = checkDurable(life, found);
    if (fault !== undefined) tally.anomaly(fault.anomaly, `life ${this.#number} (${ending}): ${fault.report}`);
    this.#state = found;
  }

  #parse(): State {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      // Before the first change there is no file.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw error;
    }
    return this.#subject.parse(text);
  }
}

function send(client: Client, order: FileOrder): void {
  client.send(order);
}

function canonical(state: State): string {
  const filled = Object.entries(state).filter(([, values]) => values.length > 0);
  return JSON.stringify(filled.sort(([a], [b]) => (a < b ? -1 : 1)));
}
