import type { CallOptions, RecordableStore, TextMessage } from "../../src/checker/recorder.js";

type Input = { content: string };

export interface Faults {
  random: () => number;
  /** Microtasks that a call may take on its way there, and on its way back. */
  delay: number;
  /** Chance that a write's request or its reply is lost, or that the request arrives only after the client gave up. */
  lose?: number;
  /** Chance that a write is refused. */
  refuse?: number;
  /** Chance that a conversation expires at a call. */
  expire?: number;
  /** Reads, waits, and writes back what it computed from what it read. */
  racy?: boolean;
  /** Takes no notice of operation ids. */
  forgetful?: boolean;
}

function failure(outcome: "not-applied" | "unknown"): Error {
  return Object.assign(new Error(outcome), { code: "UNAVAILABLE", outcome });
}

/** A list in memory behind a bad network: correct, unless it was asked to be racy. */
export class ListStore implements RecordableStore {
  readonly #lists = new Map<string, string[]>();
  readonly #answers = new Map<string, unknown>();
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  async #wait(): Promise<void> {
    const ticks = Math.floor(this.#faults.random() * this.#faults.delay);
    for (let tick = 0; tick < ticks; tick++) await undefined;
  }

  #list(key: string): string[] {
    if (this.#faults.random() < (this.#faults.expire ?? 0)) this.#lists.delete(key);
    return this.#lists.get(key) ?? [];
  }

  async #read<T>(key: string, look: (list: string[]) => T): Promise<T> {
    await this.#wait();
    const seen = look(this.#list(key));
    await this.#wait();
    return seen;
  }

  async #write<T>(key: string, options: CallOptions | undefined, change: (list: string[]) => T): Promise<T> {
    const { lose = 0, racy, random, refuse = 0 } = this.#faults;
    const id =
      this.#faults.forgetful || options?.operationId === undefined ? undefined : `${key} ${options.operationId}`;
    await this.#wait();
    if (random() < refuse) throw failure("not-applied");
    const apply = async (): Promise<T> => {
      if (id !== undefined && this.#answers.has(id)) return this.#answers.get(id) as T;
      const list = [...this.#list(key)];
      if (racy) await this.#wait();
      const answer = change(list);
      this.#lists.set(key, list);
      if (id !== undefined) this.#answers.set(id, answer);
      return answer;
    };
    if (random() < lose) {
      const fate = random();
      if (fate < 0.3) await apply();
      // Too late for anybody to be told of it.
      else if (fate < 0.6)
        void this.#wait()
          .then(() => this.#wait())
          .then(apply)
          .catch(() => undefined);
      throw failure("unknown");
    }
    const answer = await apply();
    await this.#wait();
    return answer;
  }

  #index(index: number, most: number): void {
    if (Number.isInteger(index) && index >= 0 && index <= most) return;
    throw Object.assign(new Error("index"), { code: "INDEX_OUT_OF_RANGE", outcome: "not-applied" });
  }

  setMessages(key: string, messages: readonly Input[], options?: CallOptions): Promise<void> {
    return this.#write(key, options, (list) => {
      list.splice(0, list.length, ...messages.map(({ content }) => content));
    });
  }

  getMessages(key: string): Promise<TextMessage[]> {
    return this.#read(key, (list) => list.map((content) => ({ content })));
  }

  addMessage(key: string, { content }: Input, options?: CallOptions & { index?: number | undefined }): Promise<void> {
    return this.#write(key, options, (list) => {
      this.#index(options?.index ?? 0, list.length);
      list.splice(options?.index ?? list.length, 0, content);
    });
  }

  addMessages(key: string, messages: readonly Input[], options?: CallOptions): Promise<void> {
    return this.#write(key, options, (list) => {
      list.push(...messages.map(({ content }) => content));
    });
  }

  deleteMessages(key: string, options?: CallOptions): Promise<void> {
    return this.setMessages(key, [], options);
  }

  deleteMessage(key: string, index: number, options?: CallOptions): Promise<TextMessage | undefined> {
    return this.#write(key, options, (list) => {
      const [content] = list.splice(index, 1);
      return content === undefined ? undefined : { content };
    });
  }

  deleteLastMessage(key: string, options?: CallOptions): Promise<TextMessage | undefined> {
    return this.#write(key, options, (list) => {
      const content = list.pop();
      return content === undefined ? undefined : { content };
    });
  }

  replaceMessage(key: string, index: number, message: Input, options?: CallOptions): Promise<TextMessage | undefined> {
    return this.#write(key, options, (list) => {
      const content = list[index];
      if (content === undefined) return undefined;
      list[index] = message.content;
      return { content };
    });
  }

  trimMessages(key: string, keepLast: number, options?: CallOptions): Promise<number> {
    return this.#write(key, options, (list) => list.splice(0, Math.max(0, list.length - keepLast)).length);
  }

  getPage(
    key: string,
    { limit }: { limit: number },
  ): Promise<{ messages: TextMessage[]; before?: string | undefined }> {
    return this.#read(key, (list) => ({ messages: list.slice(-limit).map((content) => ({ content })) }));
  }

  countMessages(key: string): Promise<number> {
    return this.#read(key, (list) => list.length);
  }
}
