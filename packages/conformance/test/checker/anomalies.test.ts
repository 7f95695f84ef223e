import { describe, expect, test } from "vitest";
import { type CheckOptions, checkHistory } from "../../src/checker/check-history.js";
import type { History } from "../../src/checker/history.js";
import { type Anomaly, assertLinearizable, describeResult } from "../../src/checker/result.js";
import {
  append,
  count,
  edit,
  forget,
  insert,
  inTurn,
  ok,
  outOfRange,
  page,
  pop,
  read,
  refused,
  remove,
  replace,
  trim,
  unknown,
} from "./calls.js";

interface Case {
  what: string;
  anomaly: Anomaly;
  bad: History;
  /** As near to it as a legal history can be. */
  good: History;
  options?: CheckOptions;
}

const [a, b, c] = [append("a"), append("b"), append("c")];

const cases: Case[] = [
  {
    what: "an acknowledged append that nobody sees",
    anomaly: "lost",
    bad: inTurn([a], [b], [read, ["b"]]),
    good: inTurn([a], [b], [read, ["a", "b"]]),
  },
  {
    what: "the later of two appends overwrites the other",
    anomaly: "lost",
    bad: [ok("a", 0, 5, a), ok("b", 1, 6, b), ok("a", 10, 11, read, ["a"])],
    good: [ok("a", 0, 5, a), unknown("b", 1, 6, b), ok("a", 10, 11, read, ["a"])],
  },
  {
    what: "a batch that is gone as a whole",
    anomaly: "lost",
    bad: inTurn([a], [append("b", "c")], [read, ["a"]]),
    good: inTurn([a], unknown("a", 10, 15, append("b", "c")), [read, ["a"]]),
  },
  {
    what: "nothing to pop although something was acknowledged",
    anomaly: "lost",
    bad: inTurn([a], [pop, null], [read, []]),
    good: inTurn([a], [pop, "a"], [pop, null], [read, []]),
  },
  {
    what: "a retry without id stores twice",
    anomaly: "doubled",
    bad: inTurn([a], [read, ["a", "a"]]),
    good: inTurn([a], [a], [read, ["a", "a"]]),
  },
  {
    what: "a call of unknown outcome applied twice",
    anomaly: "doubled",
    bad: inTurn(unknown("a", 0, 5, a), [read, ["a", "a"]]),
    good: inTurn(unknown("a", 0, 5, a), [read, []], [read, ["a"]]),
  },
  {
    what: "one operation id applied twice",
    anomaly: "doubled",
    bad: inTurn(unknown("a", 0, 5, a, { operationId: "x" }), [a, undefined, { operationId: "x" }], [read, ["a", "a"]]),
    good: inTurn(unknown("a", 0, 5, a, { operationId: "x" }), [a, undefined, { operationId: "x" }], [read, ["a"]]),
  },
  {
    what: "one operation id applied twice, the first effect gone between",
    anomaly: "doubled",
    bad: inTurn([a, undefined, { operationId: "x" }], [pop, "a"], [a, undefined, { operationId: "x" }], [read, ["a"]]),
    good: inTurn([a, undefined, { operationId: "x" }], [pop, "a"], [a, undefined, { operationId: "x" }], [read, []]),
  },
  {
    what: "one pop, repeated with its id, takes two messages",
    anomaly: "doubled",
    bad: inTurn(
      [append("a", "b", "c")],
      unknown("a", 10, 15, pop, { operationId: "x" }),
      [pop, "b", { operationId: "x" }],
      [read, ["a"]],
    ),
    good: inTurn(
      [append("a", "b", "c")],
      unknown("a", 10, 15, pop, { operationId: "x" }),
      [pop, "c", { operationId: "x" }],
      [read, ["a", "b"]],
    ),
  },
  {
    what: "one operation id answers differently",
    anomaly: "retry-answered-differently",
    bad: inTurn([append("a", "b")], [pop, "b", { operationId: "x" }], [pop, "a", { operationId: "x" }]),
    good: inTurn([append("a", "b")], [pop, "b", { operationId: "x" }], [pop, "b", { operationId: "x" }], [read, ["a"]]),
  },
  {
    what: "one operation id for two operations",
    anomaly: "operation-id-reused",
    bad: inTurn([a, undefined, { operationId: "x" }], [b, undefined, { operationId: "x" }]),
    good: inTurn([a, undefined, { operationId: "x" }], refused("a", 10, 15, b, { operationId: "x" }), [read, ["a"]]),
  },
  {
    what: "of two operations with one id, both unknown, both happened",
    anomaly: "doubled",
    bad: inTurn(unknown("a", 0, 5, a, { operationId: "x" }), unknown("a", 10, 15, b, { operationId: "x" }), [
      read,
      ["a", "b"],
    ]),
    good: inTurn(unknown("a", 0, 5, a, { operationId: "x" }), unknown("a", 10, 15, b, { operationId: "x" }), [
      read,
      ["b"],
    ]),
  },
  {
    what: "two appends, one after the other, in the wrong order",
    anomaly: "reordered",
    bad: inTurn([a], [b], [read, ["b", "a"]]),
    good: [ok("a", 0, 5, a), ok("b", 1, 6, b), ok("a", 10, 15, read, ["b", "a"])],
  },
  {
    what: "two readers see two orders",
    anomaly: "reordered",
    bad: [ok("a", 0, 9, a), ok("b", 1, 8, b), ok("c", 10, 11, read, ["a", "b"]), ok("d", 12, 13, read, ["b", "a"])],
    good: [ok("a", 0, 9, a), ok("b", 1, 8, b), ok("c", 10, 11, read, ["b", "a"]), ok("d", 12, 13, read, ["b", "a"])],
  },
  {
    what: "an insertion in the wrong place",
    anomaly: "reordered",
    bad: inTurn([append("a", "b")], [insert(0, "x")], [read, ["a", "b", "x"]]),
    good: inTurn([append("a", "b")], [insert(0, "x")], [read, ["x", "a", "b"]]),
  },
  {
    what: "half a batch",
    anomaly: "torn",
    bad: inTurn([a], unknown("a", 10, undefined, append("b", "c")), [read, ["a", "b"]]),
    good: inTurn([a], unknown("a", 10, undefined, append("b", "c")), [read, ["a", "b", "c"]]),
  },
  {
    what: "a batch with another message in it",
    anomaly: "torn",
    bad: [ok("a", 0, 9, append("x", "y")), ok("b", 1, 8, b), ok("c", 10, 11, read, ["x", "b", "y"])],
    good: [ok("a", 0, 9, append("x", "y")), ok("b", 1, 8, insert(1, "b")), ok("c", 10, 11, read, ["x", "b", "y"])],
  },
  {
    what: "half a replacement, nothing old left",
    anomaly: "torn",
    bad: inTurn([append("a", "b")], unknown("a", 10, undefined, replace("x", "y")), [read, ["x"]]),
    good: inTurn([append("a", "b")], unknown("a", 10, undefined, replace("x", "y")), [read, ["x", "y"]]),
  },
  {
    what: "a replacement mixed with what it replaces",
    anomaly: "torn",
    bad: [ok("a", 0, 5, append("a", "b")), ok("a", 10, 20, replace("x", "y")), ok("b", 11, 12, read, ["x", "b"])],
    good: [ok("a", 0, 5, append("a", "b")), ok("a", 10, 20, replace("x", "y")), ok("b", 11, 12, read, ["a", "b"])],
  },
  {
    what: "a replacement's old state, emptied first",
    anomaly: "torn",
    bad: [
      ok("a", 0, 5, append("a", "b")),
      ok("a", 10, 20, replace("x", "y")),
      ok("b", 11, 12, read, []),
      ok("b", 30, 31, read, ["x", "y"]),
    ],
    good: [
      ok("a", 0, 5, append("a", "b")),
      ok("a", 10, 20, replace("x", "y")),
      ok("b", 11, 12, read, ["x", "y"]),
      ok("b", 30, 31, read, ["x", "y"]),
    ],
  },
  {
    what: "a page from two states",
    anomaly: "torn",
    bad: [
      ok("a", 0, 1, a),
      ok("a", 2, 3, b),
      ok("a", 4, 5, pop, "b"),
      ok("a", 6, 7, c),
      ok("b", 2, 8, page(2), ["b", "c"]),
    ],
    good: [
      ok("a", 0, 1, a),
      ok("a", 2, 3, b),
      ok("a", 4, 5, pop, "b"),
      ok("a", 6, 7, c),
      ok("b", 2, 8, page(2), ["a", "c"]),
    ],
  },
  {
    what: "a page with a hole",
    anomaly: "torn",
    bad: [
      ok("a", 0, 1, a),
      ok("a", 2, 3, b),
      ok("a", 4, 5, c),
      ok("b", 2, 8, page(2), ["a", "c"]),
      ok("a", 9, 10, read, ["a", "b", "c"]),
    ],
    good: [
      ok("a", 0, 1, a),
      ok("a", 2, 3, b),
      ok("a", 4, 5, c),
      ok("b", 2, 8, page(2), ["b", "c"]),
      ok("a", 9, 10, read, ["a", "b", "c"]),
    ],
  },
  {
    what: "a read from before an acknowledged append",
    anomaly: "stale-read",
    bad: inTurn([a], [b], [read, ["a"]], [read, ["a", "b"]]),
    good: [ok("a", 0, 5, a), ok("a", 10, 20, b), ok("b", 11, 12, read, ["a"]), ok("b", 21, 22, read, ["a", "b"])],
  },
  {
    what: "a read from before an acknowledged removal",
    anomaly: "stale-read",
    bad: inTurn([append("a", "b")], [pop, "b"], [read, ["a", "b"]], [read, ["a"]]),
    good: [
      ok("a", 0, 5, append("a", "b")),
      ok("a", 10, 20, pop, "b"),
      ok("b", 11, 12, read, ["a", "b"]),
      ok("b", 21, 22, read, ["a"]),
    ],
  },
  {
    what: "two readers, the later with the older state",
    anomaly: "stale-read",
    bad: [ok("a", 0, 20, a), ok("b", 1, 2, read, ["a"]), ok("c", 3, 4, read, []), ok("c", 21, 22, read, ["a"])],
    good: [ok("a", 0, 20, a), ok("b", 1, 2, read, []), ok("c", 3, 4, read, ["a"]), ok("c", 21, 22, read, ["a"])],
  },
  {
    what: "what was forgotten comes back with the next append",
    anomaly: "resurrected",
    bad: inTurn([a], [forget], [b], [read, ["a", "b"]]),
    good: inTurn([a], unknown("a", 10, 15, forget), [b], [read, ["a", "b"]]),
  },
  {
    what: "what was forgotten is still there",
    anomaly: "resurrected",
    bad: inTurn([a], [forget], [read, ["a"]]),
    good: inTurn([a], [forget], [read, []]),
  },
  {
    what: "a forgotten message takes effect again from a late write",
    anomaly: "resurrected",
    bad: inTurn(unknown("a", 0, 5, a), [read, ["a"]], [forget], [read, []], [read, ["a"]]),
    good: inTurn(unknown("a", 0, 5, a), [read, []], [forget], [read, []], [read, ["a"]]),
  },
  {
    what: "a trimmed message is back",
    anomaly: "resurrected",
    bad: inTurn([append("a", "b", "c")], [trim(1), 2], [append("d")], [page(3), ["b", "c", "d"]]),
    good: inTurn([append("a", "b", "c")], [trim(1), 2], [append("d")], [page(3), ["c", "d"]]),
  },
  {
    what: "two pops are given the same message",
    anomaly: "taken-twice",
    bad: [
      ok("a", 0, 5, append("a", "b")),
      ok("a", 10, 20, pop, "b"),
      ok("b", 11, 21, pop, "b"),
      ok("a", 30, 31, read, ["a"]),
    ],
    good: [
      ok("a", 0, 5, append("a", "b")),
      ok("a", 10, 20, pop, "b"),
      ok("b", 11, 21, pop, "a"),
      ok("a", 30, 31, read, []),
    ],
  },
  {
    what: "a pop answers another message than the last",
    anomaly: "wrong-answer",
    bad: inTurn([append("a", "b")], [pop, "a"]),
    good: inTurn([append("a", "b")], [pop, "b"]),
  },
  {
    what: "a delete answers its neighbour",
    anomaly: "wrong-answer",
    bad: inTurn([append("a", "b", "c")], [remove(1), "c"], [read, ["a", "b"]]),
    good: inTurn([append("a", "b", "c")], [remove(1), "b"], [read, ["a", "c"]]),
  },
  {
    what: "a delete removes its neighbour",
    anomaly: "lost",
    bad: inTurn([append("a", "b", "c")], [remove(1), "b"], [read, ["a", "b"]]),
    good: inTurn([append("a", "b", "c")], [remove(1), "b"], [read, ["a", "c"]]),
  },
  {
    what: "a delete beyond the end does something",
    anomaly: "wrong-answer",
    bad: inTurn([append("a", "b")], [remove(5), "b"], [read, ["a"]]),
    good: inTurn([append("a", "b")], [remove(5), null], [read, ["a", "b"]]),
  },
  {
    what: "an edit answers the new message",
    anomaly: "wrong-answer",
    bad: inTurn([append("a", "b")], [edit(0, "x"), "x"]),
    good: inTurn([append("a", "b")], [edit(0, "x"), "a"], [read, ["x", "b"]]),
  },
  {
    what: "a wrong count",
    anomaly: "wrong-count",
    bad: inTurn([a], [b], [count, 3]),
    good: inTurn([a], [b], [count, 2]),
  },
  {
    what: "a trim that counts wrong",
    anomaly: "wrong-count",
    bad: inTurn([append("a", "b", "c")], [trim(1), 3]),
    good: inTurn([append("a", "b", "c")], [trim(1), 2], [trim(1), 0], [read, ["c"]]),
  },
  {
    what: "a refused write that happened",
    anomaly: "refused-but-applied",
    bad: inTurn([a], refused("a", 10, 15, b), [read, ["a", "b"]]),
    good: inTurn([a], refused("a", 10, 15, b), [read, ["a"]]),
  },
  {
    what: "a value that nobody wrote",
    anomaly: "foreign-value",
    bad: inTurn([a], [read, ["a", "z"]]),
    good: inTurn([a], [append("z")], [read, ["a", "z"]]),
  },
  {
    what: "a value of another key",
    anomaly: "foreign-value",
    bad: inTurn([a], [b, undefined, { key: "other" }], [read, ["a", "b"]]),
    good: inTurn([a], [b, undefined, { key: "other" }], [read, ["a"]], [read, ["b"], { key: "other" }]),
  },
  {
    what: "a value seen before it was written",
    anomaly: "read-from-the-future",
    bad: inTurn([read, ["a"]], [a]),
    good: [ok("a", 0, 10, a), ok("b", 1, 2, read, ["a"])],
  },
  {
    what: "an insertion rejected although in range",
    anomaly: "wrong-answer",
    bad: inTurn([append("a", "b")], [insert(2, "x"), outOfRange]),
    good: inTurn([append("a", "b")], [insert(3, "x"), outOfRange], [read, ["a", "b"]]),
  },
  {
    what: "an insertion beyond the end accepted",
    anomaly: "wrong-answer",
    bad: inTurn([a], [insert(3, "x")]),
    good: inTurn([a], [insert(1, "x")], [read, ["a", "x"]]),
  },
  {
    what: "a rejected insertion that happened",
    anomaly: "refused-but-applied",
    bad: inTurn([a], [insert(3, "x"), outOfRange], [read, ["a", "x"]]),
    good: inTurn([a], [insert(3, "x"), outOfRange], [read, ["a"]]),
  },
  {
    what: "an insertion, repeated with its id, rejected after it was applied",
    anomaly: "wrong-answer",
    bad: inTurn(
      [a],
      unknown("a", 10, 15, insert(1, "x"), { operationId: "x" }),
      [read, ["a", "x"]],
      [forget],
      [insert(1, "x"), outOfRange, { operationId: "x" }],
    ),
    good: inTurn(
      [a],
      unknown("a", 10, 15, insert(1, "x"), { operationId: "x" }),
      [forget],
      [insert(1, "x"), outOfRange, { operationId: "x" }],
    ),
  },
  {
    what: "an insertion, rejected, and again as it is repeated with its id: but it was done in between",
    anomaly: "wrong-answer",
    bad: inTurn(
      [insert(1, "x"), outOfRange, { operationId: "x" }],
      [a],
      [insert(1, "x"), undefined, { operationId: "x" }],
      [insert(1, "x"), outOfRange, { operationId: "x" }],
    ),
    good: inTurn(
      [insert(1, "x"), outOfRange, { operationId: "x" }],
      [a],
      [insert(1, "x"), outOfRange, { operationId: "x" }],
      [insert(1, "x"), undefined, { operationId: "x" }],
      [read, ["a", "x"]],
    ),
  },
  {
    what: "part of a conversation expires",
    anomaly: "lost",
    options: { expires: true },
    bad: inTurn([a], [b], [read, ["a", "b"]], [read, ["b"]]),
    good: inTurn([a], [b], [read, []], [c], [read, ["c"]]),
  },
  {
    what: "what was there before is lost",
    anomaly: "lost",
    options: { initial: { k: ["p", "q"] } },
    bad: inTurn([a], [read, ["q", "a"]]),
    good: inTurn([a], [read, ["p", "q", "a"]]),
  },
];

describe("each anomaly is found and named, and its legal twin passes", () => {
  for (const { anomaly, bad, good, options, what } of cases) {
    test(`${anomaly}: ${what}`, () => {
      assertLinearizable(checkHistory(good, options));
      const result = checkHistory(bad, options);
      expect(result.verdict, describeResult(result)).toBe("violation");
      expect(result.violations[0]?.anomaly, describeResult(result)).toBe(anomaly);
      expect(result.violations[0]?.report).toContain(anomaly);
      expect(() => assertLinearizable(result)).toThrow(anomaly);
    });
  }
});

test("without expiry a conversation that vanishes is lost", () => {
  const history = inTurn([a], [b], [read, []], [c], [read, ["c"]]);
  expect(checkHistory(history).violations[0]?.anomaly).toBe("lost");
  expect(checkHistory(history, { expires: true }).verdict).toBe("linearizable");
});
