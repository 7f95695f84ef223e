import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { Turns } from "../src/backend/turns.js";

/** A task that the test ends. */
function held() {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, task: () => ended };
}

it("tasks of one key come one after another, those of others meanwhile, also after one that failed", async () => {
  const turns = new Turns();
  const { signal } = new AbortController();
  const order: string[] = [];
  const first = held();
  const failing = turns.take("a", signal, async () => {
    await first.task();
    order.push("first");
    throw new Error("failed");
  });
  const second = turns.take("a", signal, async () => void order.push("second"));
  await turns.take("b", signal, async () => void order.push("other"));
  first.end();
  await expect(failing).rejects.toThrow("failed");
  await second;
  expect(order).toEqual(["other", "first", "second"]);
});

it("a task whose signal aborts gives its turn away", async () => {
  const turns = new Turns();
  const controller = new AbortController();
  const endless = held();
  const first = turns.take("a", controller.signal, endless.task);
  const second = turns.take("a", new AbortController().signal, async () => "second");
  controller.abort();
  expect(await second).toBe("second");
  endless.end();
  await first;
});

it("no listener stays on a signal that many tasks have", async () => {
  const turns = new Turns();
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) await turns.take("a", signal, async () => {});
  await expect(turns.take("a", signal, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  // After the turn itself, which others wait for.
  await turns.take("a", new AbortController().signal, async () => {});
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
