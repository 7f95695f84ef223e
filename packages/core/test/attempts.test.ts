import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AbortSignalLike, ChatStore } from "../src/chat-store.js";
import { type ChatStoreError, chatStoreError } from "../src/errors.js";
import { everythingShownOf, failureOf } from "./support/errors.js";
import { answering, failing, hanging, SdkError, scripted } from "./support/scripted-driver.js";

const hello = { content: "Hello" };
const refused = failing({ outcome: "not-applied", retry: true });
const ambiguous = failing({ outcome: "unknown", retry: true });

beforeEach(() => {
  vi.useFakeTimers();
  // The longest that a backoff may take: with jitter each lasts from 0 up to it.
  vi.spyOn(Math, "random").mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lets everything run that waits for a time to pass. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  // A rejection is looked at by the caller, a little later.
  promise.catch(() => {});
  await vi.runAllTimersAsync();
  return promise;
}

describe("trying again", () => {
  it("happens as often as allowed, and further and further apart", async () => {
    const { store, driver } = scripted({ maxRetries: 8, timeoutMs: Number.POSITIVE_INFINITY });
    driver.steps.push(...Array.from({ length: 9 }, () => refused));
    const adding = failureOf(() => store.addMessage("k", hello), "UNAVAILABLE");
    await vi.advanceTimersByTimeAsync(0);
    for (const [retry, pause] of [50, 100, 200, 400, 800, 1600, 2000, 2000].entries()) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(driver.calls).toHaveLength(retry + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(driver.calls).toHaveLength(retry + 2);
    }
    expect(await adding).toMatchObject({ outcome: "not-applied", key: "k", message: "The service failed." });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells the driver once an earlier try may have been applied, and not of those that surely were not", async () => {
    const { store, driver } = scripted();
    driver.steps.push(refused, ambiguous, refused, answering(undefined));
    await settled(store.addMessage("k", hello));
    expect(driver.calls.map(({ context }) => context.mayBeApplied)).toEqual([false, false, true, true]);
  });

  it("happens 5 times by default, and never with maxRetries 0", async () => {
    for (const [options, calls] of [
      [{}, 6],
      [{ maxRetries: 0 }, 1],
    ] as const) {
      const { store, driver } = scripted(options);
      driver.steps.push(...Array.from({ length: 9 }, () => refused));
      await settled(failureOf(() => store.getMessages("k"), "UNAVAILABLE"));
      expect(driver.calls).toHaveLength(calls);
    }
  });

  it("waits at least as long as the service asks", async () => {
    const { store, driver } = scripted();
    driver.steps.push(failing({ retry: true, retryAfterMs: 5000 }));
    const adding = store.addMessage("k", hello);
    await vi.advanceTimersByTimeAsync(5049);
    expect(driver.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(driver.calls).toHaveLength(2);
    await adding;
  });

  it("carries the very same operation, whatever became of the first try", async () => {
    for (const first of [refused, ambiguous]) {
      const { store, driver } = scripted();
      driver.steps.push(first, first);
      await settled(store.addMessage("k", hello, { operationId: "op" }));
      await settled(store.deleteLastMessage("k"));
      const operations = driver.calls.map(({ context }) => context.operation);
      expect(operations).toHaveLength(4);
      expect(operations[1]).toEqual(operations[0]);
      expect(operations[2]).toEqual(operations[0]);
      expect(operations[0]).toMatchObject({ id: "op", fromCaller: true });
      expect(operations[3]?.id).not.toBe("op");
    }
  });

  it("does not happen for what can't be mended by it", async () => {
    const { store, driver } = scripted();
    driver.steps.push(failing({ code: "MISCONFIGURED", message: "No such table.", retry: false }));
    const failure = await settled(failureOf(() => store.addMessage("k", hello), "MISCONFIGURED"));
    expect(failure).toMatchObject({ message: "No such table.", outcome: "not-applied", key: "k" });
    expect(driver.calls).toHaveLength(1);
  });

  it("does not happen when the store can't explain the error, whose outcome is unknown then", async () => {
    const { BaseChatStore } = await import("../src/backend/base-chat-store.js");
    const { driver } = scripted();
    const store = new BaseChatStore({ name: "mute", open: () => driver });
    driver.steps.push(failing({ retry: true }), failing({ retry: true }));
    const failure = await settled(failureOf(() => store.addMessage("k", hello), "UNAVAILABLE"));
    expect(failure).toMatchObject({ outcome: "unknown", key: "k" });
    expect((await settled(failureOf(() => store.getMessages("k"), "UNAVAILABLE"))).outcome).toBeUndefined();
    expect(driver.calls).toHaveLength(2);
  });
});

describe("the outcome of a write", () => {
  it("stays unknown once a try may have been applied", async () => {
    const { store, driver } = scripted({ maxRetries: 2 });
    driver.steps.push(ambiguous, refused, refused);
    const failure = await settled(failureOf(() => store.addMessage("k", hello), "UNAVAILABLE"));
    expect(failure.outcome).toBe("unknown");
    expect(driver.calls).toHaveLength(3);
  });

  it("is not risked where a driver can't tell a repeat: only what was surely not applied is sent again", async () => {
    const { store, driver } = scripted();
    driver.exactlyOnce = false;
    driver.steps.push(refused, ambiguous, answering(undefined));
    const failure = await settled(failureOf(() => store.addMessage("k", hello), "UNAVAILABLE"));
    expect(failure.outcome).toBe("unknown");
    expect(driver.calls).toHaveLength(2);
    driver.steps.length = 0;
    driver.steps.push(refused, refused);
    await settled(store.addMessage("k", hello));
    expect(driver.calls).toHaveLength(5);
  });

  it("does not keep a read from being repeated, and a read has none", async () => {
    const { store, driver } = scripted({ maxRetries: 3 });
    driver.exactlyOnce = false;
    driver.steps.push(ambiguous, ambiguous, answering(3));
    expect(await settled(store.countMessages("k"))).toBe(3);
    driver.steps.push(...Array.from({ length: 9 }, () => ambiguous));
    const failure = await settled(failureOf(() => store.getMessages("k"), "UNAVAILABLE"));
    expect(failure.outcome).toBeUndefined();
    expect(failure.key).toBe("k");
  });

  it("is the driver's own where it throws a ChatStoreError, which is final", async () => {
    const { store, driver } = scripted();
    const thrown = [
      chatStoreError("CONFLICT", "The id was used before."),
      chatStoreError("MESSAGE_TOO_LARGE", "Too large.", { outcome: "not-applied" }),
      chatStoreError("UNAVAILABLE", "Perhaps.", { outcome: "unknown" }),
    ];
    const outcomes = ["not-applied", "not-applied", "unknown"];
    for (const [i, error] of thrown.entries()) {
      driver.steps.push(() => {
        throw error;
      });
      const failure = await settled(failureOf(() => store.addMessage("k", hello), error.code));
      expect(failure).toMatchObject({ message: error.message, key: "k", outcome: outcomes[i] });
    }
    expect(driver.calls).toHaveLength(3);
  });

  it("is said with nothing of what the SDK said", async () => {
    const { store, driver } = scripted({ maxRetries: 1 });
    driver.steps.push(refused, refused);
    const failure = await settled(failureOf(() => store.addMessage("k", { content: "s3cret-4711" }), "UNAVAILABLE"));
    expect(everythingShownOf(failure)).not.toMatch(/hunter2|s3cret-4711|Hello/);
  });
});

describe("an AbortSignal", () => {
  const reads: [string, (store: ChatStore, signal: AbortSignal) => Promise<unknown>][] = [
    ["getMessages", (store, signal) => store.getMessages("k", { signal })],
    ["getPage", (store, signal) => store.getPage("k", { limit: 1, signal })],
    ["countMessages", (store, signal) => store.countMessages("k", { signal })],
    ["getKeys", (store, signal) => store.getKeys({ signal })],
  ];
  const writes: [string, (store: ChatStore, signal: AbortSignal) => Promise<unknown>][] = [
    ["setMessages", (store, signal) => store.setMessages("k", [hello], { signal })],
    ["addMessage", (store, signal) => store.addMessage("k", hello, { signal })],
    ["addMessage at 0", (store, signal) => store.addMessage("k", hello, { signal, index: 0 })],
    ["addMessages", (store, signal) => store.addMessages("k", [hello], { signal })],
    ["deleteMessages", (store, signal) => store.deleteMessages("k", { signal })],
    ["deleteMessage", (store, signal) => store.deleteMessage("k", 0, { signal })],
    ["deleteLastMessage", (store, signal) => store.deleteLastMessage("k", { signal })],
    ["replaceMessage", (store, signal) => store.replaceMessage("k", 0, hello, { signal })],
    ["trimMessages", (store, signal) => store.trimMessages("k", 0, { signal })],
  ];

  it.each([...reads, ...writes])("that was aborted before: %s sends nothing", async (name, run) => {
    const { store, driver, counts } = scripted();
    const failure = await failureOf(() => run(store, AbortSignal.abort(new Error("hunter2"))), "ABORTED");
    expect(failure.outcome).toBe(writes.some(([write]) => write === name) ? "not-applied" : undefined);
    expect(counts.opens).toBe(0);
    expect(driver.calls).toEqual([]);
    expect(everythingShownOf(failure)).not.toContain("hunter2");
  });

  it.each([...reads, ...writes])("that aborts while %s is under way", async (name, run) => {
    const { store, driver } = scripted();
    driver.steps.push(hanging);
    const controller = new AbortController();
    const failing = failureOf(() => run(store, controller.signal), "ABORTED");
    await vi.advanceTimersByTimeAsync(0);
    const [call] = driver.calls;
    expect(call?.context.signal.aborted).toBe(false);
    controller.abort();
    const failure = await failing;
    expect(failure.outcome).toBe(writes.some(([write]) => write === name) ? "unknown" : undefined);
    expect(call?.context.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that aborts while the backend is being opened: nothing was sent, and nothing will be", async () => {
    const { store, driver, opened } = scripted();
    let open: (value?: unknown) => void = () => {};
    opened.push(() => new Promise((resolve) => (open = resolve)));
    const controller = new AbortController();
    const adding = failureOf(() => store.addMessage("k", hello, { signal: controller.signal }), "ABORTED");
    await vi.advanceTimersByTimeAsync(0);
    controller.abort();
    expect((await adding).outcome).toBe("not-applied");
    open();
    await vi.runAllTimersAsync();
    expect(driver.calls).toEqual([]);
    await store.addMessage("k", hello);
    expect(driver.calls).toHaveLength(1);
  });

  it.each([
    ["not-applied", refused],
    ["unknown", ambiguous],
  ] as const)("that aborts between two tries, the first of which was %s", async (outcome, first) => {
    const { store, driver } = scripted();
    driver.steps.push(first);
    const controller = new AbortController();
    const adding = failureOf(() => store.addMessage("k", hello, { signal: controller.signal }), "ABORTED");
    await vi.advanceTimersByTimeAsync(10);
    controller.abort();
    expect((await adding).outcome).toBe(outcome);
    expect(vi.getTimerCount()).toBe(0);
    await vi.runAllTimersAsync();
    expect(driver.calls).toHaveLength(1);
  });

  it("that aborts afterwards changes nothing, and no listener stays behind", async () => {
    const { store, driver } = scripted();
    let listeners = 0;
    const controller = new AbortController();
    const signal: AbortSignalLike = {
      get aborted() {
        return controller.signal.aborted;
      },
      addEventListener(type, listener, options) {
        listeners++;
        controller.signal.addEventListener(type, listener, options);
      },
      removeEventListener(type, listener) {
        listeners--;
        controller.signal.removeEventListener(type, listener);
      },
    };
    driver.steps.push(answering(undefined), failing({}));
    await store.addMessage("k", hello, { signal });
    await failureOf(() => store.addMessage("k", hello, { signal }), "UNAVAILABLE");
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners).toBe(0);
    controller.abort();
    expect(driver.calls.some(({ context }) => context.signal.aborted)).toBe(false);
  });

  it("an answer that comes too late is dropped, be it an error or not", async () => {
    for (const late of [() => undefined, failing({ retry: true }), failing({ retry: false })]) {
      const { store, driver } = scripted();
      let answer: (value?: unknown) => void = () => {};
      driver.steps.push(async (context) => {
        await new Promise((resolve) => (answer = resolve));
        return late(context);
      });
      const controller = new AbortController();
      const adding = failureOf(() => store.addMessage("k", hello, { signal: controller.signal }), "ABORTED");
      await vi.advanceTimersByTimeAsync(0);
      controller.abort();
      await adding;
      answer();
      // An unhandled rejection would fail the run.
      await vi.runAllTimersAsync();
      expect(driver.calls).toHaveLength(1);
    }
  });

  it("ends a listing", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering({ keys: ["a"], cursor: "1" }));
    const controller = new AbortController();
    const listing = store.listKeys({ signal: controller.signal })[Symbol.asyncIterator]();
    await listing.next();
    controller.abort();
    expect((await failureOf(() => listing.next(), "ABORTED")).key).toBeUndefined();
  });
});

describe("a deadline", () => {
  async function failureAfter(ms: number, start: () => Promise<unknown>): Promise<ChatStoreError> {
    let failure: ChatStoreError | undefined;
    const failing = failureOf(start, "UNAVAILABLE").then((error) => {
      failure = error;
    });
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await failing;
    return failure!;
  }

  it("is 30 seconds by default, and covers all tries", async () => {
    const { store, driver } = scripted();
    driver.steps.push(hanging);
    expect((await failureAfter(30_000, () => store.addMessage("k", hello))).outcome).toBe("unknown");
    expect(driver.calls[0]?.context.signal.aborted).toBe(true);

    driver.steps.push(failing({ retry: true, retryAfterMs: 29_000 }), hanging);
    expect((await failureAfter(30_000, () => store.addMessage("k", hello))).outcome).toBe("unknown");
    expect(driver.calls).toHaveLength(3);
  });

  it("that passes before anything was sent leaves nothing applied", async () => {
    const { store, driver, opened } = scripted({ timeoutMs: 100 });
    opened.push(() => new Promise(() => {}));
    const failure = await failureAfter(100, () => store.addMessage("k", hello));
    expect(failure).toMatchObject({ outcome: "not-applied", key: "k" });
    expect(failure.message).toContain("100 ms");
    expect(driver.calls).toEqual([]);
  });

  it("that passes between two tries says what became of the first", async () => {
    for (const [outcome, retryAfterMs] of [
      ["not-applied", 1000],
      ["unknown", 1000],
    ] as const) {
      const { store, driver } = scripted({ timeoutMs: 100 });
      driver.steps.push(failing({ outcome, retry: true, retryAfterMs }));
      expect((await failureAfter(100, () => store.addMessage("k", hello))).outcome).toBe(outcome);
      await vi.runAllTimersAsync();
      expect(driver.calls).toHaveLength(1);
    }
  });

  it("of a read has no outcome", async () => {
    const { store, driver } = scripted({ timeoutMs: 100 });
    driver.steps.push(hanging);
    expect((await failureAfter(100, () => store.getMessages("k"))).outcome).toBeUndefined();
  });

  it("may be none, or longer than a timer can hold", async () => {
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 40]) {
      const { store, driver } = scripted({ timeoutMs });
      let answer: (value: unknown) => void = () => {};
      driver.steps.push(() => new Promise((resolve) => (answer = resolve)));
      const counting = store.countMessages("k");
      await vi.advanceTimersByTimeAsync(2 ** 31);
      answer(7);
      expect(await counting).toBe(7);
    }
  });

  it("leaves no timer behind", async () => {
    const { store, driver } = scripted();
    driver.steps.push(answering(1), failing({}));
    await store.countMessages("k");
    await failureOf(() => store.countMessages("k"), "UNAVAILABLE");
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("an SDK that gives up because it was told to is no other failure", async () => {
    const { store, driver } = scripted({ timeoutMs: 100 });
    driver.steps.push(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new SdkError({ outcome: "not-applied", retry: true })));
        }),
    );
    const failure = await failureAfter(100, () => store.addMessage("k", hello));
    expect(failure.message).toContain("100 ms");
    expect(failure.outcome).toBe("unknown");
    await vi.runAllTimersAsync();
    expect(driver.calls).toHaveLength(1);
  });
});
