import { expect, test } from "vitest";
import { checkHistory } from "../../src/checker/check-history.js";
import type { Call, History } from "../../src/checker/history.js";
import { seededRandom } from "../../src/checker/random.js";
import { type CallEvent, callsFromEvents, messageValue, record, sharedClock } from "../../src/checker/recorder.js";
import { assertLinearizable } from "../../src/checker/result.js";
import { runWorkload } from "../../src/checker/workload.js";
import { ListStore } from "./list-store.js";

const message = (content: string) => ({ content });

function recorded(client = "me") {
  let now = 0;
  const store = new ListStore({ random: seededRandom(1), delay: 1 });
  return { plain: store, ...record(store, { client, clock: () => ++now }) };
}

test("each method is recorded as its action, with what it answered", async () => {
  const { calls, store } = recorded();
  await store.addMessage("k", message("a"));
  await store.addMessages("k", [message("b"), message("c")], { operationId: "x" });
  await store.addMessage("k", message("d"), { index: 1 });
  expect(await store.replaceMessage("k", 0, message("e"))).toEqual(message("a"));
  expect(await store.replaceMessage("k", 9, message("f"))).toBeUndefined();
  await store.deleteMessage("k", 1);
  await store.deleteLastMessage("k");
  await store.getMessages("k");
  await store.getPage("k", { limit: 1 });
  await store.countMessages("k");
  await store.trimMessages("k", 1);
  await store.setMessages("k", [message("g")]);
  await store.deleteMessages("k");
  await store.deleteLastMessage("k");
  expect(calls.map(({ action, answer }) => [action, answer])).toEqual([
    [{ kind: "append", values: ["a"] }, undefined],
    [{ kind: "append", values: ["b", "c"] }, undefined],
    [{ kind: "insert", index: 1, value: "d" }, undefined],
    [{ kind: "edit", index: 0, value: "e" }, "a"],
    [{ kind: "edit", index: 9, value: "f" }, null],
    [{ kind: "delete", index: 1 }, "d"],
    [{ kind: "pop" }, "c"],
    [{ kind: "read" }, ["e", "b"]],
    [{ kind: "page", limit: 1 }, ["b"]],
    [{ kind: "count" }, 2],
    [{ kind: "trim", keepLast: 1 }, 1],
    [{ kind: "replace", values: ["g"] }, undefined],
    [{ kind: "forget" }, undefined],
    [{ kind: "pop" }, null],
  ]);
  expect(calls[1]).toEqual({
    client: "me",
    key: "k",
    action: { kind: "append", values: ["b", "c"] },
    start: 4,
    end: 5,
    outcome: "ok",
    operationId: "x",
  });
  assertLinearizable(checkHistory(JSON.parse(JSON.stringify(calls)) as History));
});

test("an older page goes through unrecorded, and so does what the recorder does not know", async () => {
  const { calls, store } = recorded();
  await store.getPage("k", { limit: 1, before: "x" } as { limit: number });
  expect(store.toString()).toBe("[object Object]");
  expect(calls).toEqual([]);
});

test("the outcome of a failure is the error's, and the error reaches the caller", async () => {
  const { calls, plain, store } = recorded();
  const errors: unknown[] = [{ outcome: "not-applied" }, { outcome: "unknown" }, new Error("?"), undefined];
  plain.addMessage = () => Promise.reject(errors[calls.length - 1]);
  for (const error of errors) {
    const caught: unknown = await store.addMessage("k", message("a")).then(
      () => "nothing",
      (reason: unknown) => reason,
    );
    expect(caught).toBe(error);
  }
  expect(calls.map(({ outcome }) => outcome)).toEqual(["refused", "unknown", "unknown", "unknown"]);
  expect(calls.every(({ end }) => end !== undefined)).toBe(true);
});

test("a store that throws at once is recorded, too", async () => {
  const { calls, plain, store } = recorded();
  plain.countMessages = () => {
    throw new Error("at once");
  };
  await expect(store.countMessages("k")).rejects.toThrow("at once");
  expect(calls[0]?.outcome).toBe("unknown");
});

test("an index out of range is an answer", async () => {
  const { calls, store } = recorded();
  await expect(store.addMessage("k", message("a"), { index: 1 })).rejects.toThrow();
  expect(calls[0]).toMatchObject({ outcome: "ok", answer: { error: "INDEX_OUT_OF_RANGE" } });
  assertLinearizable(checkHistory(calls));
});

test("an answer that is none is not passed over", async () => {
  const { calls, plain, store } = recorded();
  plain.getMessages = () => Promise.resolve(undefined as never);
  await store.getMessages("k");
  expect(checkHistory(calls).verdict).toBe("violation");
  plain.countMessages = () => Promise.resolve(undefined as never);
  await store.countMessages("k");
  expect(checkHistory(calls.slice(1)).verdict).toBe("violation");
  plain.deleteLastMessage = () => Promise.resolve({} as never);
  await store.deleteLastMessage("k");
  expect(checkHistory(calls.slice(2)).verdict).toBe("violation");
});

test("a log of events survives the process that made the calls", async () => {
  const log: string[] = [];
  const store = new ListStore({ random: seededRandom(1), delay: 3 });
  const onEvent = (event: CallEvent) => log.push(JSON.stringify(event));
  const clients = ["one", "two"].map((client) => record(store, { client, onEvent }));
  await runWorkload(
    clients.map((client) => client.store),
    { seed: 3, keys: ["k"], operations: 40, concurrency: 4 },
  );
  const parse = (lines: string[]) => callsFromEvents(lines.map((line) => JSON.parse(line) as CallEvent));
  const all = clients.flatMap(({ calls }) => calls);
  const byStart = (a: Call, b: Call) => a.start - b.start;
  expect(parse(log).sort(byStart)).toEqual([...all].sort(byStart));
  assertLinearizable(checkHistory(parse(log)));
  // Killed in the middle: what was open then is of unknown outcome.
  for (let until = 0; until < log.length; until++) assertLinearizable(checkHistory(parse(log.slice(0, until))));
});

test("a call that is still open has no end", () => {
  const { calls, plain, store } = recorded();
  plain.addMessage = () => new Promise(() => undefined);
  void store.addMessage("k", message("a"));
  expect(calls).toMatchObject([{ outcome: "unknown", start: 2 }]);
  expect(calls[0]).not.toHaveProperty("end");
});

test("a message's value is its text", () => {
  expect(messageValue({ content: "a" })).toBe("a");
  expect(messageValue({ content: [] })).toBe("");
  expect(messageValue({ content: [{ type: "text", text: "a" }, { type: "image" }, { type: "text", text: "b" }] })).toBe(
    "ab",
  );
});

test("the shared clock is in milliseconds and does not go back", async () => {
  const clock = sharedClock();
  const start = clock();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(clock() - start).toBeGreaterThan(15);
  expect(clock() - start).toBeLessThan(5000);
  expect(Math.abs(sharedClock()() - clock())).toBeLessThan(1000);
});
