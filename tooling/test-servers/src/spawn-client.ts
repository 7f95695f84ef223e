import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Exit, startProcess } from "./process.js";

/** A client in a Node process of its own, to be killed at any moment. It never outlives the test. */
export interface Client {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  running(): boolean;
  /** What it wrote that was not JSON, e.g. the trace of an error. */
  output(): string;
  send(value: unknown): void;
  /** The next value that it says; rejects when it ends first, or says nothing for `seconds` (60). */
  receive(seconds?: number): Promise<unknown>;
  /** kill -9 */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL if it takes its time. */
  stop(): Promise<void>;
}

export interface ClientOptions {
  readonly env?: Readonly<Record<string, string>>;
}

const PRELOAD = new URL("./client-preload.mjs", import.meta.url);

/**
 * Starts a script (`.mjs`, or `.ts` with the workspace's packages from their sources) that talks by
 * `@chatkeep/test-servers/client`: one line of JSON on standard input and output for each value.
 */
export async function spawnClient(
  file: string | URL,
  args: readonly string[] = [],
  options: ClientOptions = {},
): Promise<Client> {
  const script = typeof file === "string" ? file : fileURLToPath(file);
  const said: unknown[] = [];
  const waiting: ((value: unknown) => void)[] = [];
  let noise = "";
  const child = await startProcess({
    file: process.execPath,
    args: ["--import", PRELOAD.href, "--enable-source-maps", script, ...args],
    ...(options.env === undefined ? {} : { env: options.env }),
    onLine(line) {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        noise = `${noise}${line}\n`.slice(-16 * 1024);
        return;
      }
      const waiter = waiting.shift();
      if (waiter === undefined) said.push(value);
      else waiter(value);
    },
  });
  const output = () => noise + child.output();

  async function receive(seconds = 60): Promise<unknown> {
    if (said.length > 0) return said.shift();
    const late = new AbortController();
    let take: (value: unknown) => void = () => {};
    const value = new Promise<unknown>((resolve) => {
      take = resolve;
      waiting.push(resolve);
    });
    const fail = (why: string) => {
      throw new Error(`the client ${why}. Its output:\n${output()}`);
    };
    try {
      return await Promise.race([
        value,
        child.exited.then(({ code, signal }) => fail(`ended (${signal ?? code})`)),
        sleep(seconds * 1_000, undefined, { signal: late.signal }).then(() => fail(`said nothing for ${seconds} s`)),
      ]);
    } finally {
      late.abort();
      const index = waiting.indexOf(take);
      if (index >= 0) waiting.splice(index, 1);
    }
  }

  return {
    pid: child.pid,
    exited: child.exited,
    running: child.running,
    output,
    send: (value) => child.write(`${JSON.stringify(value)}\n`),
    receive,
    kill: child.kill,
    stop: () => child.stop(),
  };
}
