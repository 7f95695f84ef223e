import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const environments = fileURLToPath(new URL("../../../../tooling/interop/python-env.mjs", import.meta.url));
const script = fileURLToPath(new URL("./llamaindex.py", import.meta.url));

/** A message as LlamaIndex dumps it. */
export type StoredMessage = Record<string, unknown>;

export interface Order {
  do: "get" | "set" | "add" | "delete" | "pop" | "forget" | "keys";
  key?: string;
  index?: number;
  messages?: readonly StoredMessage[];
}

/** LlamaIndex's own store in a Python process. */
export class PythonStore {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #output = "";
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error("python has no output");
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr?.on("data", (text) => {
      this.#output = `${this.#output}${text}`.slice(-4_000);
    });
  }

  /** Takes long the first time: its packages are installed. */
  static async start(
    environment: "store-dynamodb" | "store-dynamodb-old",
    settings: Record<string, unknown>,
  ): Promise<PythonStore> {
    const found = await promisify(execFile)(process.execPath, [environments, environment]);
    const child = spawn(found.stdout.trim(), ["-W", "ignore", script], { stdio: "pipe" });
    child.stdin.write(`${JSON.stringify(settings)}\n`);
    return new PythonStore(child);
  }

  /** What Python answers; rejects with what it raises. */
  do(order: Order): Promise<unknown> {
    const answer = this.#turn.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
      const line = await this.#lines.next();
      if (line.done) throw new Error(`python ended: ${this.#output}`);
      const told = JSON.parse(line.value) as { answer?: unknown; error?: string };
      if (told.error !== undefined) throw new Error(told.error);
      return told.answer;
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}
