import { BaseChatStore, type CommonOptions } from "../../src/backend/base-chat-store.js";
import type { Driver, Failure, WriteContext } from "../../src/backend/driver.js";

/** What an SDK throws, told by a made-up store what it means. */
export class SdkError extends Error {
  readonly failure: Partial<Failure>;

  constructor(failure: Partial<Failure>) {
    super("password=hunter2 while sending 'Hello'");
    this.failure = failure;
  }
}

export interface Call {
  method: string;
  args: unknown[];
  /** A read's context has no operation. */
  context: WriteContext;
}

type Step = (context: WriteContext) => unknown;

/** A driver that does nothing but what a test wrote down for its next calls, and remembers what it was asked. */
export class ScriptedDriver implements Driver {
  exactlyOnce = true;
  maxPayloadBytes: number | undefined;
  readonly calls: Call[] = [];
  readonly steps: Step[] = [];
  closed = 0;
  onClose: () => unknown = () => {};

  append = this.#scripted("append", undefined);
  insert = this.#scripted("insert", true);
  replace = this.#scripted("replace", undefined);
  forget = this.#scripted("forget", undefined);
  edit = this.#scripted("edit", undefined);
  remove = this.#scripted("remove", undefined);
  pop = this.#scripted("pop", undefined);
  trim = this.#scripted("trim", 0);
  readAll = this.#scripted("readAll", []);
  readPage = this.#scripted("readPage", { payloads: [] });
  readOldest = this.#scripted("readOldest", []);
  count = this.#scripted("count", 0);
  listKeys = this.#scripted("listKeys", { keys: [] });

  async close(): Promise<void> {
    this.closed++;
    await this.onClose();
  }

  #scripted(method: string, answer: unknown) {
    return async (...all: unknown[]): Promise<never> => {
      const context = all.at(-1) as WriteContext;
      this.calls.push({ method, args: all.slice(0, -1), context });
      const step = this.steps.shift();
      return (step === undefined ? answer : await step(context)) as never;
    };
  }
}

export const failing = (failure: Partial<Failure>): Step => {
  return () => {
    throw new SdkError(failure);
  };
};
export const answering = (answer: unknown): Step => {
  return () => answer;
};
/** Never answers, as a service that has gone away. */
export const hanging: Step = () => new Promise(() => {});

const vague: Failure = { code: "UNAVAILABLE", message: "The service failed.", outcome: "not-applied", retry: false };

/** A store on a scripted driver. */
export function scripted(options: CommonOptions = {}) {
  const driver = new ScriptedDriver();
  const opened: (() => unknown)[] = [];
  const counts = { opens: 0 };
  const store = new BaseChatStore(
    {
      name: "scripted",
      async open() {
        counts.opens++;
        await opened.shift()?.();
        return driver;
      },
      explain: (error) => ({ ...vague, ...(error instanceof SdkError ? error.failure : {}) }),
    },
    options,
  );
  return { store, driver, opened, counts };
}
