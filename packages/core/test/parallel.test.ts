import { describe, expect, it } from "vitest";
import { batches, inParallel } from "../src/backend/parallel.js";

describe("batches", () => {
  it("keep the order and the limits, and what is too large alone is alone", () => {
    const cut = (list: number[]) => batches(list, { count: 3, bytes: 10 }, (each) => each);
    expect(cut([])).toEqual([]);
    expect(cut([1, 1, 1, 1])).toEqual([[1, 1, 1], [1]]);
    expect(cut([4, 6, 1, 30, 2])).toEqual([[4, 6], [1], [30], [2]]);
  });
});

describe("tasks in parallel", () => {
  it("are run for each, eight at a time", async () => {
    let underWay = 0;
    let most = 0;
    const done: number[] = [];
    await inParallel(
      Array.from({ length: 30 }, (_, i) => i),
      async (each) => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
        done.push(each);
      },
    );
    expect(done.sort((a, b) => a - b)).toHaveLength(30);
    expect(most).toBe(8);
  });

  it("that fail stop the rest, and nothing is under way when it rejects", async () => {
    let underWay = 0;
    let begun = 0;
    const running = inParallel(
      Array.from({ length: 100 }, (_, i) => i),
      async (each) => {
        begun++;
        underWay++;
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
        if (each === 3) throw new Error("third");
      },
    );
    await expect(running).rejects.toThrow("third");
    expect(underWay).toBe(0);
    expect(begun).toBeLessThan(20);
  });
});
