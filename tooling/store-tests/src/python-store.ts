import { randomUUID } from "node:crypto";
import type { ChatMessage, ChatMessageInput } from "@chatkeep/chat-store-core";
import { decodeMessage, encodeMessage } from "@chatkeep/chat-store-core/backend";
import { PythonProcess } from "./python-process.js";

/** A message as LlamaIndex dumps it. */
export type StoredMessage = Readonly<Record<string, unknown>>;

const stored = (message: ChatMessageInput) => JSON.parse(encodeMessage(message)) as StoredMessage;
export const decoded = (message: unknown) => decodeMessage(JSON.stringify(message));
const decodedAll = (messages: unknown) => (messages as unknown[]).map(decoded);
const decodedOne = (message: unknown) => (message === null ? undefined : decoded(message));

/** LlamaIndex's own store in a Python process. Its methods reject with what it raises. */
export class PythonStore {
  readonly #python: PythonProcess;
  readonly #name = randomUUID();
  /** Of the Python packages, by name, and of `python`. */
  readonly versions: Readonly<Record<string, string>>;

  private constructor(python: PythonProcess, versions: Record<string, string>) {
    this.#python = python;
    this.versions = versions;
  }

  /**
   * In an environment of `tooling/interop` (`newest`), the store that `python/backends/<backend>.py` makes of the settings. The first
   * time its packages are installed. It ends with the test file.
   */
  static async start(environment: string, backend: string, settings: Record<string, unknown>): Promise<PythonStore> {
    const python = await PythonProcess.start(environment);
    const store = new PythonStore(python, (await python.ask({ do: "versions" })) as Record<string, string>);
    await store.ask("make", { backend, settings });
    return store;
  }

  async get(key: string): Promise<ChatMessage[]> {
    return decodedAll(await this.ask("get", { key }));
  }

  async set(key: string, messages: readonly ChatMessageInput[]): Promise<void> {
    await this.ask("set", { key, messages: messages.map(stored) });
  }

  async add(key: string, ...messages: readonly ChatMessageInput[]): Promise<void> {
    await this.ask("add", { key, messages: messages.map(stored) });
  }

  async insert(key: string, index: number, message: ChatMessageInput): Promise<void> {
    await this.ask("insert", { key, index, messages: [stored(message)] });
  }

  /** Messages in a form that we don't write. */
  async addStored(key: string, ...messages: readonly StoredMessage[]): Promise<void> {
    await this.ask("add", { key, messages });
  }

  async delete(key: string, index: number): Promise<ChatMessage | undefined> {
    return decodedOne(await this.ask("delete", { key, index }));
  }

  async pop(key: string): Promise<ChatMessage | undefined> {
    return decodedOne(await this.ask("pop", { key }));
  }

  async forget(key: string): Promise<void> {
    await this.ask("forget", { key });
  }

  async keys(): Promise<string[]> {
    return (await this.ask("keys")) as string[];
  }

  /** What `ChatMemoryBuffer` on this store answers, for each token limit. */
  async windows(key: string, limits: readonly number[], tokenizer: "words" | "default"): Promise<ChatMessage[][]> {
    const windows = (await this.ask("windows", { key, limits, tokenizer })) as unknown[];
    return windows.map(decodedAll);
  }

  /** Any method of the store, by its name in Python. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.ask("call", { method, args });
  }

  /** Does something before the n-th write of the next order, from 1, while Python waits in the middle of it. */
  interrupt(pauseBefore: number, meanwhile: () => Promise<unknown>): void {
    this.#python.interrupt(pauseBefore, meanwhile);
  }

  /** An order of `python/driver.py` or of the backend's file. */
  ask(order: string, details: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return this.#python.ask({ ...details, do: order, store: this.#name });
  }
}
