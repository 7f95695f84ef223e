import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ChatMessage, ChatMessageInput } from "@chatkeep/chat-store-core";
import { decodeMessage, encodeMessage } from "@chatkeep/chat-store-core/backend";

const environments = fileURLToPath(new URL("../../interop/python-env.mjs", import.meta.url));
const driver = fileURLToPath(new URL("../python/driver.py", import.meta.url));

/** A message as LlamaIndex dumps it. */
export type StoredMessage = Readonly<Record<string, unknown>>;

interface Order {
  readonly do: "get" | "set" | "add" | "delete" | "pop" | "forget" | "keys";
  readonly key?: string;
  readonly index?: number;
  readonly messages?: readonly StoredMessage[];
}

const stored = (message: ChatMessageInput) => JSON.parse(encodeMessage(message)) as StoredMessage;
const decoded = (message: unknown) => decodeMessage(JSON.stringify(message));

/** LlamaIndex's own store in a Python process. Its methods reject with what it raises. */
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

  /**
   * In an environment of `tooling/interop` (`store-redis`), the store that `python/backends/<backend>.py` makes of the settings. Takes
   * minutes the first time: its packages are installed.
   */
  static async start(environment: string, backend: string, settings: Record<string, unknown>): Promise<PythonStore> {
    const found = await promisify(execFile)(process.execPath, [environments, environment]);
    const child = spawn(found.stdout.trim(), ["-B", "-W", "ignore", driver, backend], { stdio: "pipe" });
    child.stdin.on("error", () => {}); // When Python ended, its missing answer tells.
    const store = new PythonStore(child);
    await store.#ask(settings);
    return store;
  }

  async get(key: string): Promise<ChatMessage[]> {
    return ((await this.#do({ do: "get", key })) as unknown[]).map(decoded);
  }

  async set(key: string, messages: readonly ChatMessageInput[]): Promise<void> {
    await this.#do({ do: "set", key, messages: messages.map(stored) });
  }

  async add(key: string, ...messages: readonly ChatMessageInput[]): Promise<void> {
    await this.#do({ do: "add", key, messages: messages.map(stored) });
  }

  /** Messages in a form that we don't write. */
  async addStored(key: string, ...messages: readonly StoredMessage[]): Promise<void> {
    await this.#do({ do: "add", key, messages });
  }

  async delete(key: string, index: number): Promise<ChatMessage | undefined> {
    const message = await this.#do({ do: "delete", key, index });
    return message === null ? undefined : decoded(message);
  }

  async pop(key: string): Promise<ChatMessage | undefined> {
    const message = await this.#do({ do: "pop", key });
    return message === null ? undefined : decoded(message);
  }

  async forget(key: string): Promise<void> {
    await this.#do({ do: "forget", key });
  }

  async keys(): Promise<string[]> {
    return (await this.#do({ do: "keys" })) as string[];
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill();
  }

  #do(order: Order): Promise<unknown> {
    const answer = this.#turn.then(() => this.#ask(order));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #ask(value: unknown): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(value)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`python ended: ${this.#output}`);
    const told = JSON.parse(line.value) as { answer?: unknown; error?: string };
    if (told.error !== undefined) throw new Error(told.error);
    return told.answer;
  }
}
