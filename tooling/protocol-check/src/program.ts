import { type Action, type Answer, type Call, type CheckResult, checkHistory } from "@chatkeep/chat-store-conformance";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import type { Driver, Operation, WriteContext } from "@chatkeep/chat-store-core/backend";
import type { Chooser } from "./choices.js";
import type { AnyProtocol, CheckedDriver } from "./protocol.js";
import { BrokenRule } from "./service.js";
import { patient } from "./service-port.js";
import { checkWalks, type Walk } from "./walks.js";
import { type Stored, type Trouble, World } from "./world.js";

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
  trouble: Trouble;
  /** Done before, without trouble, by a client that is gone then. */
  before?: readonly Step[] | undefined;
  /** Written by the other program before all that. */
  seed?: readonly string[] | undefined;
}

export interface Outcome {
  result: CheckResult;
  /** What is wrong beside the history: pages, rows left behind. */
  wrong: string[];
  calls: Call[];
  unknown: number;
  steps: number;
}

/** How often a call is sent again, as the facade does. */
const retries = 3;
const defaultKey = "k";
const mostPages = 12;

type AnyWorld = World<Stored>;

const same = (text: string) => text;

/** Runs a program in a new world and checks what its clients were told. Throws when a rule was broken. */
export async function runProgram(program: Program, chooser: Chooser, protocol: AnyProtocol): Promise<Outcome> {
  const world = new World(chooser, program.trouble, protocol.service(program));
  const { toPayload = same, toValue = same } = protocol;
  const calls: Call[] = [];
  const walks: Walk[] = [];
  let operations = 0;
  let broken: unknown;

  const driverOf = (where: AnyWorld, client: string, skewMs: number) =>
    protocol.driver(program, {
      send: where.senderOf(client),
      now: () => where.service.clock + skewMs,
      service: where.service,
    });

  async function perform(where: AnyWorld, driver: CheckedDriver, client: string, step: Step): Promise<void> {
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

  const payloadsIn = (action: Action): Action =>
    "values" in action
      ? { ...action, values: action.values.map(toPayload) }
      : "value" in action
        ? { ...action, value: toPayload(action.value) }
        : action;
  const valuesIn = (answer: Answer | undefined): Answer | undefined =>
    typeof answer === "string" ? toValue(answer) : Array.isArray(answer) ? answer.map(toValue) : answer;

  async function act(
    where: AnyWorld,
    driver: CheckedDriver,
    client: string,
    key: string,
    action: Action,
    operationId?: string,
  ): Promise<Call> {
    const id = operationId ?? `own${String(++operations).padStart(17, "0")}`;
    const fingerprint = JSON.stringify(action).slice(0, 30);
    const operation: Operation = { id, fingerprint, fromCaller: operationId !== undefined };
    const call: Call = { client, key, action, start: world.nextMoment(), outcome: "unknown" };
    if (operationId !== undefined) call.operationId = operationId;
    calls.push(call);
    const began = where.service.clock;
    const waiting = new Waiting(() => where.service.clock - began > (program.callMs ?? Number.POSITIVE_INFINITY));
    const trying = (async () => {
      let mayBeApplied = false;
      for (let attempt = 1; attempt <= retries && !waiting.aborted; attempt++) {
        try {
          const context = { operation, signal: waiting, mayBeApplied };
          const answer = valuesIn(await doAction(driver, key, payloadsIn(action), context));
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
      call.end ??= world.nextMoment();
    })();
    const givenUp = new Promise<void>((resolve) =>
      waiting.addEventListener("abort", () => {
        call.end ??= world.nextMoment();
        resolve();
      }),
    );
    trying.catch(note);
    await where.giveable(() => waiting.giveUp(), Promise.race([trying, givenUp]));
    return call;
  }

  async function walk(driver: CheckedDriver, client: string, key: string, limit: number): Promise<void> {
    const made: Walk = { client, key, start: world.nextMoment(), pages: [], ended: "failed" };
    walks.push(made);
    let before: string | undefined;
    for (let failures = 0; failures < retries && made.pages.length < mostPages; ) {
      // The first page is a call like any other.
      const call: Call = {
        client,
        key,
        action: { kind: "page", limit },
        start: world.nextMoment(),
        outcome: "unknown",
      };
      try {
        const page = await driver.readPage(key, limit, before, patient);
        const values = page.payloads.map(toValue);
        if (before === undefined) calls.push({ ...call, end: world.nextMoment(), outcome: "ok", answer: values });
        made.pages.push(values);
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

  async function alone(where: AnyWorld, name: string, work: (driver: CheckedDriver) => Promise<void>): Promise<void> {
    const driver = driverOf(where, name, 0);
    const working = work(driver)
      .then(() => driver.settled?.())
      .catch(note);
    await where.run();
    await working;
    const problem = broken ?? where.broken;
    if (problem !== undefined) throw problem;
  }

  const { before, seed } = program;
  if (seed !== undefined) {
    protocol.seed?.(world.service, defaultKey, seed);
    const action: Action = { kind: "replace", values: seed };
    const [start, end] = [world.nextMoment(), world.nextMoment()];
    calls.push({ client: "other program", key: defaultKey, action, start, end, outcome: "ok" });
  }
  if (before !== undefined && before.length > 0) {
    const calm = new World(
      { choose: () => 0 },
      { faults: 0, kinds: [], ticks: 0, tickMs: [] },
      protocol.service(program),
    );
    calm.service.take(world.service);
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
  async function readEverything(driver: CheckedDriver, name: string): Promise<void> {
    for (const key of keys) {
      const { answer } = await act(world, driver, name, key, { kind: "read" });
      finalRead.set(key, Array.isArray(answer) ? answer : []);
      await act(world, driver, name, key, { kind: "count" });
      await perform(world, driver, name, { key, walk: 2 });
    }
  }
  await alone(world, "reader", (driver) => readEverything(driver, "reader"));
  const wrong = await protocol.end?.({
    program,
    world,
    keys,
    alone: (name, work) => alone(world, name, work),
    act: (driver, name, key, action) => act(world, driver, name, key, action),
    readEverything,
  });
  const removals =
    program.ttlMs !== undefined || calls.some(({ action }) => !["append", "insert", ...reads].includes(action.kind));
  const judged = protocol.judged?.(calls, world.service) ?? calls;
  const result = checkHistory(judged, { expires: program.ttlMs !== undefined });
  return {
    result,
    wrong: [...checkWalks(walks, judged, finalRead, removals), ...(wrong ?? [])],
    calls,
    unknown: calls.filter(({ outcome }) => outcome === "unknown").length,
    steps: world.steps,
  };
}

const reads: readonly string[] = ["read", "page", "count"];

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
