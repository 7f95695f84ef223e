import { expect, test } from "vitest";
import { checkAppendOnly } from "../../src/checker/check-append-only.js";
import { checkHistory } from "../../src/checker/check-history.js";
import type { Action, Answer, Call, History } from "../../src/checker/history.js";
import { randomInteger, seededRandom } from "../../src/checker/random.js";
import { describeResult } from "../../src/checker/result.js";
import { naivelyLinearizable } from "./naive.js";

interface Kind {
  calls: number;
  kinds: readonly Action["kind"][];
  /** Chance that a value is one that was written already. */
  reuse: number;
  /** Chance of an operation id that others have too. */
  ids: number;
  expires?: boolean;
  /** End with a read when all is over. */
  finalRead?: boolean;
}

const ALL: Action["kind"][] = [
  "append",
  "insert",
  "pop",
  "delete",
  "edit",
  "replace",
  "forget",
  "trim",
  "read",
  "page",
  "count",
];
const APPEND_ONLY: Action["kind"][] = ["append", "append", "append", "read", "page", "page", "count"];

function answerOf(list: string[], action: Action): Answer | undefined {
  switch (action.kind) {
    case "append":
      list.push(...action.values);
      return undefined;
    case "replace":
      list.splice(0, list.length, ...action.values);
      return undefined;
    case "forget":
      list.length = 0;
      return undefined;
    case "insert":
      if (action.index > list.length) return { error: "INDEX_OUT_OF_RANGE" };
      list.splice(action.index, 0, action.value);
      return undefined;
    case "pop":
      return list.pop() ?? null;
    case "delete":
      return list.splice(action.index, 1)[0] ?? null;
    case "edit":
      return list[action.index] === undefined ? null : (list.splice(action.index, 1, action.value)[0] ?? null);
    case "trim":
      return list.splice(0, Math.max(0, list.length - action.keepLast)).length;
    case "read":
      return [...list];
    case "page":
      return list.slice(-action.limit);
    case "count":
      return list.length;
  }
}

/** Calls on a list that does one after the other, with random times around; often one or two of them are then falsified. */
function randomHistory(seed: number, kind: Kind): { history: History; initial: string[] } {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[randomInteger(random, 0, from.length - 1)] as T;
  let made = 0;
  const value = () => (random() < kind.reuse && made > 0 ? `v${randomInteger(random, 0, made - 1)}` : `v${made++}`);
  const values = (least: number) => Array.from({ length: randomInteger(random, least, 2) }, value);
  const initial = random() < 0.3 ? values(1) : [];
  const list = [...initial];
  const index = () => randomInteger(random, 0, 2);
  const calls: Call[] = [];
  const ids = new Map<string, { action: Action; answer: Answer | undefined }>();
  const total = randomInteger(random, 2, kind.calls);
  for (let at = 0; at < total; at++) {
    const what = pick(kind.kinds);
    let action: Action;
    if (what === "append" || what === "replace") action = { kind: what, values: values(what === "append" ? 1 : 0) };
    else if (what === "insert" || what === "edit") action = { kind: what, index: index(), value: value() };
    else if (what === "delete") action = { kind: what, index: index() };
    else if (what === "trim") action = { kind: what, keepLast: index() };
    else if (what === "page") action = { kind: what, limit: randomInteger(random, 1, 3) };
    else action = { kind: what };
    const client = `c${randomInteger(random, 0, 2)}`;
    const id = random() < kind.ids ? `id${randomInteger(random, 0, 1)}` : undefined;
    const twin = calls.find((call) => call.operationId === id && id !== undefined);
    if (twin !== undefined && random() < 0.8) action = twin.action;
    const readLike = action.kind === "read" || action.kind === "page" || action.kind === "count";
    const fate = random();
    const start = 2 * at - randomInteger(random, 0, 4);
    const end = 2 * at + randomInteger(random, 0, 4);
    const call: Call = { client, key: "k", action, start, end, outcome: "ok" };
    if (id !== undefined && !readLike) call.operationId = id;
    if (!readLike && fate < 0.2) {
      call.outcome = fate < 0.17 ? "unknown" : "refused";
      if (random() < 0.5 && call.outcome === "unknown") delete call.end;
      const happens = call.outcome === "unknown" && random() < 0.5;
      if (happens && !(id !== undefined && ids.has(id))) {
        const answer = answerOf(list, action);
        if (id !== undefined) ids.set(id, { action, answer });
      }
    } else {
      const known = id !== undefined && !readLike ? ids.get(id) : undefined;
      const answer = known?.action === action ? known.answer : answerOf(list, action);
      if (id !== undefined && !readLike) ids.set(id, { action, answer });
      if (answer !== undefined) call.answer = answer;
    }
    calls.push(call);
  }
  const falsified = random() < 0.5 ? 0 : randomInteger(random, 1, 2);
  for (let time = 0; time < falsified; time++) {
    const call = pick(calls);
    const { action, answer } = call;
    const shift = randomInteger(random, -4, 4);
    if (call.outcome === "ok" && action.kind !== "append" && random() < 0.6) {
      if (Array.isArray(answer)) {
        const copy = [...(answer as string[])];
        const how = random();
        if (how < 0.25) copy.splice(randomInteger(random, 0, copy.length), 1);
        else if (how < 0.5) copy.splice(randomInteger(random, 0, copy.length), 0, `v${randomInteger(random, 0, made)}`);
        else if (how < 0.75) copy.reverse();
        else if (copy.length > 0)
          copy[randomInteger(random, 0, copy.length - 1)] = `v${randomInteger(random, 0, made)}`;
        call.answer = copy;
      } else if (typeof answer === "number") call.answer = answer + pick([-1, 1]);
      else if (typeof answer === "string" || answer === null)
        call.answer = pick([null, `v${randomInteger(random, 0, made)}`]);
      else if (action.kind === "insert") {
        if (answer === undefined) call.answer = { error: "INDEX_OUT_OF_RANGE" };
        else delete call.answer;
      }
    } else {
      call.start += shift;
      if (call.end !== undefined) call.end += shift;
    }
  }
  if (kind.finalRead)
    calls.push({
      client: "f",
      key: "k",
      action: { kind: "read" },
      start: 1e3,
      end: 1e3,
      outcome: "ok",
      answer: [...list],
    });
  return { history: calls, initial };
}

/** Both verdicts on many histories; returns how many were legal. */
function compare(kind: Kind, from: number, histories: number): number {
  let legal = 0;
  for (let seed = from; seed < from + histories; seed++) {
    const { history, initial } = randomHistory(seed, kind);
    const expires = kind.expires ?? false;
    const expected = naivelyLinearizable(history, initial, expires);
    const result = checkHistory(history, { initial: { k: initial }, expires });
    if ((result.verdict === "linearizable") !== expected)
      expect.fail(
        `seed ${seed}, naively ${expected}: ${JSON.stringify(history)} from ${initial}\n${describeResult(result)}`,
      );
    if (expected) legal++;
  }
  return legal;
}

for (const [what, kind] of Object.entries<Kind>({
  "unique values": { calls: 6, kinds: ALL, reuse: 0, ids: 0 },
  "values used again": { calls: 6, kinds: ALL, reuse: 0.4, ids: 0 },
  "operation ids": { calls: 6, kinds: ALL, reuse: 0.1, ids: 0.5 },
  "inserts with operation ids": {
    calls: 6,
    kinds: ["append", "insert", "insert", "insert", "pop", "read"],
    reuse: 0,
    ids: 0.6,
  },
  expiry: { calls: 6, kinds: ALL, reuse: 0, ids: 0.1, expires: true },
  "appends, inserts, removals": {
    calls: 7,
    kinds: ["append", "insert", "pop", "delete", "read", "page"],
    reuse: 0,
    ids: 0.1,
  },
  "edits and replacements": {
    calls: 6,
    kinds: ["append", "edit", "replace", "trim", "read", "count"],
    reuse: 0,
    ids: 0.1,
  },
})) {
  test(`checkHistory decides as trying everything does: ${what}`, () => {
    const histories = 4000;
    const legal = compare(kind, 1, histories);
    expect(legal).toBeGreaterThan(histories / 5);
    expect(legal).toBeLessThan(histories * 0.9);
  });
}

for (const finalRead of [true, false]) {
  test(`checkAppendOnly decides as checkHistory does, ${finalRead ? "with" : "without"} a final read`, () => {
    const verdicts = { linearizable: 0, violation: 0, undecided: 0 };
    for (let seed = 1; seed <= 8000; seed++) {
      const kind = { calls: 9, kinds: APPEND_ONLY, reuse: 0, ids: 0.1, finalRead };
      const { history, initial } = randomHistory(seed, kind);
      const options = { initial: { k: initial } };
      const exact = checkHistory(history, options);
      const quick = checkAppendOnly(history, options);
      verdicts[quick.verdict]++;
      const agreed =
        quick.verdict === "undecided"
          ? !finalRead || history.some((call) => call.operationId)
          : quick.verdict === exact.verdict;
      if (!agreed)
        expect.fail(
          `seed ${seed}: ${JSON.stringify(history)} from ${initial}\n${describeResult(exact)}\n${describeResult(quick)}`,
        );
    }
    expect(verdicts.linearizable).toBeGreaterThan(1000);
    expect(verdicts.violation).toBeGreaterThan(1000);
  });
}
