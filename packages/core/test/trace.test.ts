import diagnostics from "node:diagnostics_channel";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { everythingShownOf, failureOf } from "./support/errors.js";
import { answering, failing, scripted } from "./support/scripted-driver.js";

const secret = "s3cret-4711";
const payload = `{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"${secret}"}]}`;
const channel = diagnostics.tracingChannel("chatkeep:operation");

interface Event {
  event: string;
  context: Record<string, unknown>;
  shown: string;
}

/** Listens to everything for the running test. */
function listen(): Event[] {
  const events: Event[] = [];
  const on = (event: string) => (context: unknown) => {
    events.push({ event, context: context as Record<string, unknown>, shown: everythingShownOf(context) });
  };
  const subscribers = {
    start: on("start"),
    end: on("end"),
    asyncStart: on("asyncStart"),
    asyncEnd: on("asyncEnd"),
    error: on("error"),
  };
  channel.subscribe(subscribers);
  onTestFinished(() => {
    channel.unsubscribe(subscribers);
  });
  return events;
}

describe("the tracing channel chatkeep:operation", () => {
  it("tells what is done, to what, how often, and nothing of what was said", async () => {
    const events = listen();
    const { store, driver } = scripted();
    driver.steps.push(failing({ retry: true, outcome: "unknown" }), answering(undefined), answering([payload]));
    await store.addMessages("k", [{ content: secret }, { content: secret }]);
    expect(await store.getMessages("k")).toHaveLength(1);
    expect(await store.getKeys({ prefix: "p" })).toEqual([]);

    const ends = events.filter(({ event }) => event === "asyncEnd").map(({ context }) => ({ ...context }));
    expect(ends).toEqual([
      { backend: "scripted", operation: "addMessages", key: "k", messages: 2, attempts: 2, result: undefined },
      { backend: "scripted", operation: "getMessages", key: "k", messages: undefined, attempts: 1, result: undefined },
      {
        backend: "scripted",
        operation: "listKeys",
        key: undefined,
        messages: undefined,
        attempts: 1,
        result: undefined,
      },
    ]);
    expect(events.map(({ shown }) => shown).join()).not.toContain(secret);
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(["start", "end", "asyncStart", "asyncEnd"]));
  });

  it("tells of failures, with the store's error and not the SDK's", async () => {
    const events = listen();
    const { store, driver } = scripted();
    driver.steps.push(failing({ code: "MISCONFIGURED", message: "No such table." }));
    const failure = await failureOf(() => store.addMessage("k", { content: secret }), "MISCONFIGURED");
    const errors = events.filter(({ event }) => event === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.context.error).toBe(failure);
    expect(events.map(({ shown }) => shown).join()).not.toMatch(/s3cret-4711|hunter2/);
  });

  it("tells nothing of what was refused before it began", async () => {
    const events = listen();
    const { store } = scripted();
    await failureOf(() => store.addMessage("", { content: secret }), "INVALID_KEY");
    await failureOf(() => store.getMessages("k", { signal: AbortSignal.abort() }), "ABORTED");
    expect(events).toEqual([]);
  });

  it("counts no try when the backend could not be opened", async () => {
    const events = listen();
    const { store, opened } = scripted();
    opened.push(() => {
      throw new Error("hunter2");
    });
    await failureOf(() => store.getMessages("k"), "UNAVAILABLE");
    expect(events.at(-1)?.context.attempts).toBe(0);
  });

  it("costs nothing when nobody listens", async () => {
    expect(channel.hasSubscribers).toBe(false);
    const run = vi.spyOn(Object.getPrototypeOf(channel), "tracePromise");
    const { store } = scripted();
    await store.addMessage("k", { content: secret });
    expect(run).not.toHaveBeenCalled();
    listen();
    await store.addMessage("k", { content: secret });
    expect(run).toHaveBeenCalledOnce();
  });
});
