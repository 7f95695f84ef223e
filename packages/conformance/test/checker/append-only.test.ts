import { describe, expect, test } from "vitest";
import { checkAppendOnly } from "../../src/checker/check-append-only.js";
import { checkHistory } from "../../src/checker/check-history.js";
import type { Call, History } from "../../src/checker/history.js";
import { randomInteger, seededRandom } from "../../src/checker/random.js";
import { type Anomaly, assertLinearizable, describeResult } from "../../src/checker/result.js";
import { append, count, inTurn, ok, page, pop, read, refused, unknown } from "./calls.js";

interface Case {
  what: string;
  anomaly: Anomaly;
  bad: History;
  good: History;
  initial?: string[];
}

const [a, b, c] = [append("a"), append("b"), append("c")];

const cases: Case[] = [
  {
    what: "an acknowledged append is in no answer",
    anomaly: "lost",
    bad: inTurn([a], [b], [read, ["b"]]),
    good: inTurn([a], [b], [read, ["a", "b"]]),
  },
  {
    what: "a message was seen and is gone",
    anomaly: "lost",
    bad: [
      ok("a", 0, 9, a),
      ok("b", 1, 8, b),
      ok("c", 2, 3, read, ["a"]),
      ok("c", 10, 11, read, ["b", "c"]),
      ok("c", 4, 9, c),
    ],
    good: [
      ok("a", 0, 9, a),
      ok("b", 1, 8, b),
      ok("c", 2, 3, read, ["a"]),
      ok("c", 10, 11, read, ["a", "b", "c"]),
      ok("c", 4, 9, c),
    ],
  },
  {
    what: "the newest message of a page is gone",
    anomaly: "lost",
    bad: inTurn([a], unknown("a", 10, 15, b), [page(2), ["a", "b"]], [c], [read, ["a", "c"]]),
    good: inTurn([a], unknown("a", 10, 15, b), [page(2), ["a", "b"]], [c], [read, ["a", "b", "c"]]),
  },
  {
    what: "a page beyond a later full answer",
    anomaly: "lost",
    bad: inTurn(unknown("a", 0, undefined, a), [page(1), ["a"]], [read, []]),
    good: inTurn(unknown("a", 0, undefined, a), [read, []], [page(1), ["a"]], [read, ["a"]]),
  },
  {
    what: "what was there before is gone",
    anomaly: "lost",
    initial: ["p", "q"],
    bad: inTurn([a], [read, ["q", "a"]]),
    good: inTurn([a], [page(2), ["q", "a"]], [read, ["p", "q", "a"]]),
  },
  {
    what: "an append of unknown outcome, twice",
    anomaly: "doubled",
    bad: inTurn(unknown("a", 0, 5, a), [b], [read, ["a", "b", "a"]]),
    good: inTurn(unknown("a", 0, 5, a), [b], [read, ["b", "a"]]),
  },
  {
    what: "one operation id, twice",
    anomaly: "doubled",
    bad: inTurn(unknown("a", 0, 5, a, { operationId: "x" }), [a, undefined, { operationId: "x" }], [read, ["a", "a"]]),
    good: inTurn(unknown("a", 0, 5, a, { operationId: "x" }), [a, undefined, { operationId: "x" }], [read, ["a"]]),
  },
  {
    what: "one operation id for two appends",
    anomaly: "operation-id-reused",
    bad: inTurn([a, undefined, { operationId: "x" }], [b, undefined, { operationId: "x" }], [read, ["a", "b"]]),
    good: inTurn([a, undefined, { operationId: "x" }], unknown("a", 10, 15, b, { operationId: "x" }), [read, ["a"]]),
  },
  {
    what: "the later append first",
    anomaly: "reordered",
    bad: inTurn([a], [b], [read, ["b", "a"]]),
    good: [ok("a", 0, 5, a), ok("b", 5, 10, b), ok("a", 11, 12, read, ["b", "a"])],
  },
  {
    what: "two readers, two orders",
    anomaly: "reordered",
    bad: [ok("a", 0, 9, a), ok("b", 1, 8, b), ok("c", 10, 11, read, ["a", "b"]), ok("d", 12, 13, page(2), ["b", "a"])],
    good: [ok("a", 0, 9, a), ok("b", 1, 8, b), ok("c", 10, 11, read, ["b", "a"]), ok("d", 12, 13, page(2), ["b", "a"])],
  },
  {
    what: "half a batch at the end",
    anomaly: "torn",
    bad: [ok("a", 0, 9, append("x", "y")), ok("b", 1, 2, read, ["x"]), ok("b", 10, 11, read, ["x", "y"])],
    good: [ok("a", 0, 9, append("x", "y")), ok("b", 1, 2, read, ["x", "y"]), ok("b", 10, 11, read, ["x", "y"])],
  },
  {
    what: "a batch with another message in it",
    anomaly: "torn",
    bad: [ok("a", 0, 9, append("x", "y")), ok("b", 1, 8, b), ok("c", 10, 11, read, ["x", "b", "y"])],
    good: [ok("a", 0, 9, append("x", "y")), ok("b", 1, 8, b), ok("c", 10, 11, read, ["b", "x", "y"])],
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
    what: "a count from before what was seen",
    anomaly: "stale-read",
    bad: [ok("a", 0, 20, a), ok("b", 1, 2, read, ["a"]), ok("c", 3, 4, count, 0)],
    good: [ok("a", 0, 20, a), ok("b", 1, 3, read, ["a"]), ok("c", 3, 4, count, 0)],
  },
  {
    what: "a count that cuts a batch",
    anomaly: "wrong-count",
    bad: inTurn([append("x", "y")], [count, 1], [read, ["x", "y"]]),
    good: inTurn([append("x", "y")], [count, 2], [read, ["x", "y"]]),
  },
  {
    what: "a refused append that happened",
    anomaly: "refused-but-applied",
    bad: inTurn([a], refused("a", 10, 15, b), [read, ["a", "b"]]),
    good: inTurn([a], refused("a", 10, 15, b), [read, ["a"]]),
  },
  {
    what: "a value that nobody wrote",
    anomaly: "foreign-value",
    bad: inTurn([a], [page(1), ["z"]], [read, ["a"]]),
    good: inTurn([a], [page(1), ["a"]], [read, ["a"]]),
  },
  {
    what: "a message seen before it was written",
    anomaly: "read-from-the-future",
    bad: inTurn([read, ["a"]], [a]),
    good: [ok("a", 0, 10, a), ok("b", 1, 2, read, ["a"])],
  },
  {
    what: "a page larger than asked for",
    anomaly: "wrong-answer",
    bad: inTurn([append("a", "b")], [page(1), ["a", "b"]], [read, ["a", "b"]]),
    good: inTurn([append("a", "b")], [page(1), ["b"]], [read, ["a", "b"]]),
  },
];

describe("each anomaly is found and named, and its legal twin passes", () => {
  for (const { anomaly, bad, good, initial, what } of cases) {
    test(`${anomaly}: ${what}`, () => {
      const options = initial === undefined ? {} : { initial: { k: initial } };
      assertLinearizable(checkAppendOnly(good, options));
      assertLinearizable(checkHistory(good, options));
      const result = checkAppendOnly(bad, options);
      expect(result.verdict, describeResult(result)).toBe("violation");
      expect(result.violations[0]?.anomaly, describeResult(result)).toBe(anomaly);
      expect(checkHistory(bad, options).verdict).toBe("violation");
    });
  }
});

describe("what it cannot decide is undecided, which is no pass", () => {
  const undecided: [string, History][] = [
    ["other actions", inTurn([a], [pop, "a"])],
    ["a value written twice", inTurn([a], [a], [read, ["a", "a"]])],
    ["a page beyond every full answer", inTurn([append("a", "b")], [page(1), ["b"]])],
    ["a count beyond every full answer", inTurn([a], [count, 1])],
  ];
  for (const [what, history] of undecided)
    test(what, () => {
      const result = checkAppendOnly(history);
      expect(result.verdict).toBe("undecided");
      expect(() => assertLinearizable(result)).toThrow("undecided");
      assertLinearizable(checkHistory(history));
    });

  test("but what is plainly wrong there is found", () => {
    expect(checkAppendOnly(inTurn([a], [count, 2])).violations[0]?.anomaly).toBe("wrong-count");
    expect(checkAppendOnly(inTurn([a], [b], [count, 1])).violations[0]?.anomaly).toBe("wrong-count");
  });

  test("pages that overlap carry the order on", () => {
    const history = inTurn([a], [page(2), ["a"]], [b], [page(2), ["a", "b"]], [c], [page(2), ["b", "c"]], [count, 3]);
    assertLinearizable(checkAppendOnly(history));
    const wrong = inTurn([a], [page(2), ["a"]], [b], [page(2), ["a", "b"]], [c], [page(2), ["a", "c"]], [count, 3]);
    expect(checkAppendOnly(wrong).verdict).toBe("violation");
  });
});

/** Appends by eight clients, pages and counts throughout, a few full reads; some outcomes unknown. */
function longHistory(appends: number): Call[] {
  const random = seededRandom(5);
  const list: string[] = [];
  const calls: Call[] = [];
  const short = (at: number, action: Call["action"], answer: Call["answer"]) =>
    calls.push(ok("reader", at, at + 5, action, answer));
  for (let made = 0; made < appends; made++) {
    const at = 10 * made;
    const values = Array.from({ length: random() < 0.1 ? 3 : 1 }, (_, part) => `${made}.${part}`);
    const answered = random() < 0.98;
    if (answered || random() < 0.5) list.push(...values);
    const [start, end] = [at - randomInteger(random, 0, 40), at + randomInteger(random, 0, 40)];
    const client = `c${made % 8}`;
    calls.push(
      answered ? ok(client, start, end, append(...values)) : unknown(client, start, undefined, append(...values)),
    );
    if (made % 4 === 0) short(at + 1, page(20), list.slice(-20));
    if (made % 16 === 0) short(at + 1, count, list.length);
    if (made % (appends / 4) === 1) short(at + 1, read, [...list]);
  }
  short(10 * appends + 100, read, [...list]);
  return calls;
}

test("a run of 100,000 appends", () => {
  const history = longHistory(100_000);
  assertLinearizable(checkAppendOnly(history));
  const lost = history.map((call, at) =>
    at === history.length - 1
      ? { ...call, answer: (call.answer as string[]).filter((value) => value !== "5000.0") }
      : call,
  );
  expect(checkAppendOnly(lost).violations[0]?.anomaly).toBe("lost");
});
