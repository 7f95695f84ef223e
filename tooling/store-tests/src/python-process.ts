import { type ChildProcess, execFile, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const environments = fileURLToPath(new URL("../../interop/python-env.mjs", import.meta.url));
const driver = fileURLToPath(new URL("../python/driver.py", import.meta.url));

export interface Order {
  readonly do: string;
  readonly [argument: string]: unknown;
}

interface Told {
  readonly answer?: unknown;
  readonly error?: string;
  readonly paused?: true;
}

const running = new Map<string, Promise<PythonProcess>>();

interface Interruption {
  readonly pauseBefore: number;
  meanwhile(): Promise<unknown>;
}

/** `python/driver.py` in a process: one order after the other. */
export class PythonProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #output = "";
  #turn: Promise<unknown> = Promise.resolve();
  #interruption: Interruption | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error("python has no output");
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr?.on("data", (text) => {
      this.#output = `${this.#output}${text}`.slice(-4_000);
    });
  }

  /** In an environment of `tooling/interop`: one for all who ask in a test file. It ends with the file. */
  static start(environment: string): Promise<PythonProcess> {
    const started = running.get(environment) ?? PythonProcess.#start(environment);
    running.set(environment, started);
    return started;
  }

  static async #start(environment: string): Promise<PythonProcess> {
    const found = await promisify(execFile)(process.execPath, [environments, environment]);
    const python = found.stdout.trim();
    const child = spawn(python, ["-W", "ignore", driver], {
      stdio: "pipe",
      // Nothing was compiled when the packages were installed. What is imported is, once.
      env: { ...process.env, PYTHONUTF8: "1", PYTHONPYCACHEPREFIX: join(dirname(python), "..", "pycache") },
    });
    child.stdin.on("error", () => {}); // When Python ended, its missing answer tells.
    return new PythonProcess(child);
  }

  /** Does something before the n-th write of the next order, from 1, while Python waits in the middle of it. */
  interrupt(pauseBefore: number, meanwhile: () => Promise<unknown>): void {
    this.#interruption = { pauseBefore, meanwhile };
  }

  /** Rejects with what Python raises. */
  ask(order: Order): Promise<unknown> {
    const interruption = this.#interruption;
    this.#interruption = undefined;
    const answer = this.#turn.then(() => {
      this.#write({ ...order, pauseBefore: interruption?.pauseBefore });
      return this.#answer(interruption);
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  #write(value: unknown): void {
    this.#child.stdin?.write(`${JSON.stringify(value)}\n`);
  }

  async #answer(interruption: Interruption | undefined): Promise<unknown> {
    const told = await this.#told();
    if (told.paused === undefined) {
      const answer = outcome(told);
      if (interruption !== undefined) throw new Error("python did not write as often as it was to be interrupted");
      return answer;
    }
    // Python must go on, whatever happens meanwhile.
    const failed = await interruption?.meanwhile().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    this.#write({});
    const then = await this.#told();
    if (failed !== undefined) throw failed.error;
    return outcome(then);
  }

  async #told(): Promise<Told> {
    const line = await this.#lines.next();
    if (line.done) throw new Error(`python ended: ${this.#output}`);
    return JSON.parse(line.value) as Told;
  }
}

function outcome({ answer, error }: Told): unknown {
  if (error !== undefined) throw new Error(error);
  return answer;
}
