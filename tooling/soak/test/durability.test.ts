import type { Call } from "@chatkeep/chat-store-conformance";
import { describe, expect, it } from "vitest";
import { checkDurable, type Flush, type Life, type State } from "../src/durability.js";

type Action = Call["action"];

/** A call from `start` to `end` that was acknowledged; without `end`, one that was not answered. */
function call(key: string, action: Action, start: number, end?: number, answer?: Call["answer"]): Call {
  const told = end === undefined ? { outcome: "unknown" as const } : { outcome: "ok" as const, end };
  return { client: "c", key, action, start, ...told, ...(answer === undefined ? {} : { answer }) };
}

const append = (key: string, value: string, start: number, end?: number) =>
  call(key, { kind: "append", values: [value] }, start, end);

function anomalyOf(calls: Call[], found: State, more: Partial<Life> = {}): string | undefined {
  return checkDurable({ initial: {}, calls, flushes: [], ended: false, ...more }, found)?.anomaly;
}

const flushed = (start: number, end?: number): { flushes: Flush[] } => ({
  flushes: [end === undefined ? { start } : { start, end }],
});

describe("what a killed process leaves", () => {
  const three = [append("a", "1", 1, 2), append("a", "2", 3, 4), append("a", "3", 5)];

  it("may be any moment of its life", () => {
    for (const values of [[], ["1"], ["1", "2"], ["1", "2", "3"]])
      expect(anomalyOf(three, { a: values })).toBeUndefined();
  });

  it("is no other order, no hole, nothing foreign", () => {
    for (const values of [["2"], ["2", "1"], ["1", "3"], ["1", "2", "3", "4"], ["1", "1"]])
      expect(anomalyOf(three, { a: values })).toBe("no-such-state");
    expect(anomalyOf(three, { a: ["1"], b: ["1"] })).toBe("no-such-state");
  });

  it("has all that was acknowledged before a flush that settled", () => {
    expect(anomalyOf(three, { a: ["1"] }, flushed(4.5, 4.6))).toBe("lost-after-flush");
    expect(anomalyOf(three, { a: ["1", "2"] }, flushed(4.5, 4.6))).toBeUndefined();
    expect(anomalyOf(three, { a: ["1"] }, flushed(3.5, 4.6))).toBeUndefined();
    expect(anomalyOf(three, { a: ["1"] }, flushed(4.5))).toBeUndefined();
  });

  it("has all that was acknowledged when the process ended by itself", () => {
    expect(anomalyOf(three.slice(0, 2), { a: ["1"] }, { ended: true })).toBe("lost-after-flush");
    expect(anomalyOf(three.slice(0, 2), { a: ["1", "2"] }, { ended: true })).toBeUndefined();
  });

  it("is one moment for all keys", () => {
    const calls = [append("a", "1", 1, 2), append("b", "1", 3, 4), append("c", "1", 3, 6), append("a", "2", 5, 7)];
    expect(anomalyOf(calls, { b: ["1"] })).toBe("torn-file");
    expect(anomalyOf(calls, { a: ["1", "2"], c: ["1"] })).toBe("torn-file");
    expect(anomalyOf(calls, { a: ["1", "2"], b: ["1"] })).toBeUndefined();
    // Only overlapping calls may be there in any order.
    expect(anomalyOf(calls, { a: ["1"], c: ["1"] })).toBeUndefined();
  });

  it("may have been the same at several moments: one that fits is enough", () => {
    const calls = [
      append("a", "1", 1, 2),
      call("a", { kind: "pop" }, 3, 4, "1"),
      append("b", "1", 5, 6),
      append("a", "2", 7, 8),
      call("a", { kind: "forget" }, 9, 10),
      append("b", "2", 11, 12),
    ];
    expect(anomalyOf(calls, { b: ["1"] })).toBeUndefined();
    expect(anomalyOf(calls, { b: ["1", "2"] })).toBeUndefined();
    expect(anomalyOf(calls, { a: ["2"], b: ["1", "2"] })).toBe("torn-file");
    expect(anomalyOf(calls, {}, flushed(10.5, 10.6))).toBe("lost-after-flush");
  });

  it("begins with what the last process left", () => {
    const initial = { a: ["0"], b: ["0"] };
    expect(anomalyOf([], initial, { initial })).toBeUndefined();
    expect(anomalyOf([], { a: ["0"] }, { initial })).toBe("no-such-state");
    const edits = [
      call("a", { kind: "insert", index: 0, value: "1" }, 1, 2),
      call("a", { kind: "edit", index: 1, value: "2" }, 3, 4, "0"),
      call("a", { kind: "delete", index: 7 }, 5, 6, null),
      call("a", { kind: "insert", index: 9, value: "9" }, 7, 8, { error: "INDEX_OUT_OF_RANGE" }),
      call("a", { kind: "replace", values: ["3", "4", "5"] }, 9, 10),
      call("a", { kind: "trim", keepLast: 2 }, 11, 12, 1),
      call("a", { kind: "delete", index: 0 }, 13, 14, "4"),
    ];
    for (const values of [["1", "0"], ["1", "2"], ["3", "4", "5"], ["4", "5"], ["5"]])
      expect(anomalyOf(edits, { a: values, b: ["0"] }, { initial })).toBeUndefined();
  });

  it("says what was expected", () => {
    const fault = checkDurable({ initial: {}, calls: three, ...flushed(4.5, 4.6), ended: false }, { a: ["1"] });
    expect(fault?.report).toContain('found in the file: ["1"], as after 1 writes');
    expect(fault?.report).toContain('at that moment:    ["1","2"]');
  });

  it("can only be told of calls that follow one another", () => {
    expect(() => anomalyOf([append("a", "1", 1, 4), append("a", "2", 3, 5)], {})).toThrow(TypeError);
  });
});
