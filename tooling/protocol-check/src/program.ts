import { type Action, type Answer, type Call, type CheckResult, checkHistory } from "@chatkeep/chat-store-conformance";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import type {
  Driver,
  HeadDriver as HeadDriverClass,
  Operation,
  PortLimits,
  Tuning,
  WriteContext,
} from "@chatkeep/chat-store-core/backend";
import type { Chooser } from "./choices.js";
import { BrokenRule } from "./service.js";
import { patient, ServicePort } from "./service-port.js";
import { checkWalks, type Walk } from "./walks.js";
import { type Trouble, World } from "./world.js";

/** What a client does: an action, with an id that another client may bring again; pages back to the start; housekeeping. */
export type Step =
  | { key?: string; action: Action; operationId?: string }
  | { key?: string; walk: number }
  | { housekeeping: "purge" | "thorough purge" }
  /** Time goes by, in milliseconds. */
  | { wait: number };

export interface Program {
  /** The steps of each client, done one after another. */
  clients: readonly (readonly Step[])[];
  /** Clients that do all their steps at once instead. */
  atOnce?: readonly boolean[] | undefined;
  ttlMs?: number | undefined;
  /** How far the clocks of the clients are off, in milliseconds. */
  skewMs?: readonly number[] | undefined;
  /** How long a call may take until its caller stops waiting, in milliseconds. */
  callMs?: number | undefined;
  limits: PortLimits;
  sideBySide?: boolean | undefined;
  newestWithHead?: boolean | undefined;
  findsLost?: boolean | undefined;
  tuning: Tuning;
  trouble: Trouble;
  /** Done before, without trouble, by a client that is gone then. */
  before?: readonly Step[] | undefined;
}

export type HeadDriverConstructor = new (...args: ConstructorParameters<typeof HeadDriverClass>) => HeadDriverClass;

export interface Outcome {
  result: CheckResult;
  /** What is wrong beside the history: pages, rows left behind. */
  wrong: string[];
  calls: Call[];
  unknown: number;
  steps: number;
}

export interface RunOptions {
  HeadDriver: HeadDriverConstructor;
  /** Whether rows and heads are watched as well, or only what clients are told. */
  watch: boolean;
}

/** How often a call is sent again, as the facade does. */
const retries = 3;
const defaultKey = "k";
const mostPages = 12;
const month = 30 * 24 * 60 * 60 * 1000;

/** Runs a program in a new world and checks what its clients were told. Throws when a rule was broken. */
export async function runProgram(program: Program, chooser: Chooser, options: RunOptions): Promise<Outcome> {
  const { limits, tuning, sideBySide, newestWithHead, findsLost } = program;
  const rules = options.watch ? { limits, tuning } : undefined;
  const world = new World(chooser, program.trouble, rules);
  const calls: Call[] = [];
  const walks: Walk[] = [];
  let time = 0;
  let operations = 0;
  let broken: unknown;

  const driverOf = (where: World, client: string, skewMs: number) => {
    const now = () => where.service.clock + skewMs;
    const port = new ServicePort(where.senderOf(client), { limits, now, sideBySide, newestWithHead, findsLost });
    return new options.HeadDriver(port, { ttlMs: program.ttlMs, tuning, pause: async () => {} });
  };

  async function perform(where: World, driver: HeadDriverClass, client: string, step: Step): Promise<void> {
    if ("housekeeping" in step) {
      const options = { thorough: step.housekeeping === "thorough purge" };
      await driver.purge(patient, options).catch(throwBrokenRule);
    } else if ("wait" in step) {
      where.passTime(step.wait);
    } else if ("walk" in step) {
      await walk(driver, client, step.key ?? defaultKey, step.walk);
    } else {
      await act(where, driver, client, step.key ?? defaultKey, step.action, step.operationId);
    }
  }

  async function act(
    where: World,
    driver: HeadDriverClass,
    client: string,
    key: string,
    action: Action,
    operationId: string | undefined,
  ): Promise<void> {
    const id = operationId ?? `own${String(++operations).padStart(17, "0")}`;
    const fingerprint = JSON.stringify(action).slice(0, 30);
    const operation: Operation = { id, fingerprint, fromCaller: operationId !== undefined };
    const call: Call = { client, key, action, start: ++time, outcome: "unknown" };
    if (operationId !== undefined) call.operationId = operationId;
    calls.push(call);
    const began = where.service.clock;
    const waiting = new Waiting(() => where.service.clock - began > (program.callMs ?? Number.POSITIVE_INFINITY));
    const trying = (async () => {
      let mayBeApplied = false;
      for (let attempt = 1; attempt <= retries && !waiting.aborted; attempt++) {
        try {
          const answer = await doAction(driver, key, action, {
            operation,
            signal: waiting,
            mayBeApplied,
          });
          if (call.end !== undefined) return;
          call.outcome = "ok";
          if (answer !== undefined) call.answer = answer;
          break;
        } catch (error) {
          throwBrokenRule(error);
          if (call.end !== undefined) return;
          if (isChatStoreError(error)) {
            if (error.code === "CORRUPT_MESSAGE") throw error;
            mayBeApplied ||= error.outcome === "unknown" || error.code === "ABORTED";
            call.outcome = mayBeApplied ? "unknown" : "refused";
            break;
          }
          mayBeApplied = true;
        }
      }
      call.end ??= ++time;
    })();
    const givenUp = new Promise<void>((resolve) =>
      waiting.addEventListener("abort", () => {
        call.end ??= ++time;
        resolve();
      }),
    );
    trying.catch(note);
    await where.giveable(() => waiting.giveUp(), Promise.race([trying, givenUp]));
  }

  async function walk(driver: HeadDriverClass, client: string, key: string, limit: number): Promise<void> {
    const made: Walk = { client, key, start: ++time, pages: [], ended: "failed" };
    walks.push(made);
    let before: string | undefined;
    for (let failures = 0; failures < retries && made.pages.length < mostPages; ) {
      // The first page is a call like any other.
      const call: Call = { client, key, action: { kind: "page", limit }, start: ++time, outcome: "unknown" };
      try {
        const page = await driver.readPage(key, limit, before, patient);
        if (before === undefined) calls.push({ ...call, end: ++time, outcome: "ok", answer: page.payloads });
        made.pages.push(page.payloads);
        before = page.before;
        if (before !== undefined) continue;
        made.ended = "start";
        return;
      } catch (error) {
        throwBrokenRule(error);
        if (isChatStoreError(error, "CORRUPT_MESSAGE")) throw error;
        if (isChatStoreError(error, "CONFLICT")) {
          made.ended = "conflict";
          return;
        }
        failures++;
      }
    }
  }

  const note = (error: unknown): void => {
    broken ??= error;
  };

  async function client(name: string, steps: readonly Step[], skewMs: number, atOnce: boolean): Promise<void> {
    const driver = driverOf(world, name, skewMs);
    if (atOnce) await Promise.all(steps.map((step) => perform(world, driver, name, step)));
    else for (const step of steps) await perform(world, driver, name, step);
  }

  /** What one client does while nobody else does anything. */
  async function alone(where: World, name: string, work: (driver: HeadDriverClass) => Promise<void>): Promise<void> {
    const driver = driverOf(where, name, 0);
    const working = work(driver)
      .then(() => driver.settled())
      .catch(note);
    await where.run();
    await working;
    const problem = broken ?? where.broken;
    if (problem !== undefined) throw problem;
  }

  const { before } = program;
  if (before !== undefined && before.length > 0) {
    const calm = new World({ choose: () => 0 }, { faults: 0, kinds: [], ticks: 0, tickMs: [] }, rules);
    await alone(calm, "before", async (driver) => {
      for (const step of before) await perform(calm, driver, "before", step);
    });
    world.service.take(calm.service);
  }
  program.clients.forEach((steps, i) => {
    client(`c${i}`, steps, program.skewMs?.[i] ?? 0, program.atOnce?.[i] ?? false).catch(note);
  });
  await world.run();
  world.settle();

  // In the end somebody who knows nothing reads everything.
  const keys = new Set([defaultKey, ...calls.map(({ key }) => key)]);
  const finalRead = new Map<string, readonly string[]>();
  const readEverything = (driver: HeadDriverClass, client: string) =>
    (async () => {
      for (const key of keys) {
        for (const action of [{ kind: "read" }, { kind: "count" }] satisfies Action[]) {
          await perform(world, driver, client, { key, action });
        }
        finalRead.set(key, (calls.at(-2)?.answer ?? []) as readonly string[]);
        await perform(world, driver, client, { key, walk: 2 });
      }
    })();
  await alone(world, "reader", (driver) => readEverything(driver, "reader"));

  // And long after, when nobody can be at work any more, somebody tidies up.
  if (options.watch) {
    // Heads tell of all that is left, but not of what a call staged and never showed, nor of what came late.
    const repeats = program.clients.flat().some((step) => "operationId" in step);
    const early = program.callMs !== undefined || tuning.keepStagedMs === 0;
    const thorough = program.trouble.faults > 0 || repeats || early;
    // Once for what expires, once for what was left staged, once for the heads.
    for (let times = 0; times < 3; times++) {
      world.passTime(month);
      await alone(world, "purger", async (driver) => void (await driver.purge(patient, { thorough })));
    }
    if (program.ttlMs === undefined) await alone(world, "late", (driver) => readEverything(driver, "late"));
  }
  const removals =
    program.ttlMs !== undefined || calls.some(({ action }) => !["append", "insert", ...reads].includes(action.kind));
  const wrong = checkWalks(walks, calls, finalRead, removals);
  if (options.watch) for (const key of keys) wrong.push(...leftBehind(world, key));
  const result = checkHistory(calls, { expires: program.ttlMs !== undefined });
  return {
    result,
    wrong,
    calls,
    unknown: calls.filter(({ outcome }) => outcome === "unknown").length,
    steps: world.steps,
  };
}

const reads: readonly string[] = ["read", "page", "count"];

/** What purging has left although nobody can need it. */
function leftBehind({ service }: World, key: string): string[] {
  const head = service.heads.get(key);
  if (head?.count === 0) return [`the ended head of ${key} was left behind`];
  const text = head && service.textOf(head);
  return service
    .rowsOf(key)
    .filter(({ source, index }) => text?.names(source, index) !== true)
    .map(({ source, index }) => `row ${source}/${index} of ${key} was left behind`);
}

/** A signal as the facade's, for a caller that may stop waiting. */
class Waiting {
  readonly #isLate: () => boolean;
  readonly #listeners: (() => void)[] = [];
  #givenUp = false;

  constructor(isLate: () => boolean) {
    this.#isLate = isLate;
  }

  get aborted(): boolean {
    return this.#givenUp || this.#isLate();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(): void {}

  giveUp(): void {
    this.#givenUp = true;
    for (const listener of this.#listeners) listener();
  }
}

async function doAction(driver: Driver, key: string, action: Action, c: WriteContext): Promise<Answer | undefined> {
  switch (action.kind) {
    case "append":
      await driver.append(key, action.values, c);
      return undefined;
    case "insert":
      return (await driver.insert(key, action.index, action.value, c)) ? undefined : { error: "INDEX_OUT_OF_RANGE" };
    case "pop":
      return (await driver.pop(key, c)) ?? null;
    case "delete":
      return (await driver.remove(key, action.index, c)) ?? null;
    case "edit":
      return (await driver.edit(key, action.index, action.value, c)) ?? null;
    case "replace":
      await driver.replace(key, action.values, c);
      return undefined;
    case "forget":
      await driver.forget(key, c);
      return undefined;
    case "trim":
      return driver.trim(key, action.keepLast, c);
    case "read":
      return driver.readAll(key, c);
    case "page":
      return (await driver.readPage(key, action.limit, undefined, c)).payloads;
    case "count":
      return driver.count(key, c);
  }
}

/** Any other failure of housekeeping is left to the next one, and of a call to its retry. */
function throwBrokenRule(error: unknown): void {
  if (error instanceof BrokenRule || error instanceof TypeError || error instanceof RangeError) throw error;
}
