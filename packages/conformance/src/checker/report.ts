import { type Action, type Answer, type Call, isRejection } from "./history.js";
import type { Violation } from "./result.js";

const VALUE_LENGTH = 24;
const LIST_ENDS = 6;

function showValue(value: string): string {
  return JSON.stringify(value.length <= VALUE_LENGTH ? value : `${value.slice(0, VALUE_LENGTH)}…`);
}

/** A list of values; the middle of a long one is left out. */
export function showValues(values: readonly string[]): string {
  const shown =
    values.length <= 2 * LIST_ENDS + 1
      ? values.map(showValue)
      : [
          ...values.slice(0, LIST_ENDS).map(showValue),
          `… ${values.length - 2 * LIST_ENDS} more …`,
          ...values.slice(-LIST_ENDS).map(showValue),
        ];
  return `[${shown.join(", ")}]`;
}

export function showAction(action: Action): string {
  switch (action.kind) {
    case "append":
      return `append ${action.values.length === 1 ? showValue(action.values[0] ?? "") : showValues(action.values)}`;
    case "replace":
      return `replace by ${showValues(action.values)}`;
    case "insert":
      return `insert at ${action.index} ${showValue(action.value)}`;
    case "edit":
      return `edit ${action.index} to ${showValue(action.value)}`;
    case "delete":
      return `delete ${action.index}`;
    case "trim":
      return `trim to ${action.keepLast}`;
    case "page":
      return `page of ${action.limit}`;
    default:
      return action.kind;
  }
}

export function showAnswer(answer: Answer | undefined): string {
  if (answer === undefined) return "done";
  if (isRejection(answer)) return "out of range";
  if (typeof answer === "string") return showValue(answer);
  if (answer === null) return "nothing";
  return typeof answer === "number" ? String(answer) : showValues(answer as readonly string[]);
}

function showCall(call: Call): string {
  return `${call.client} ${showAction(call.action)}${call.operationId === undefined ? "" : ` (id ${call.operationId})`}`;
}

function outcomeText(call: Call): string {
  if (call.outcome === "ok") return `-> ${showAnswer(call.answer)}`;
  if (call.outcome === "refused") return "-> refused, not applied";
  return call.end === undefined ? "-> no answer" : "-> outcome unknown";
}

/** The calls one below the other, with bars that show which overlapped: each column is one start or end. */
function timeline(calls: readonly Call[], marked: Call | undefined): string {
  const sorted = [...calls].sort((a, b) => a.start - b.start || (a.end ?? Infinity) - (b.end ?? Infinity));
  const origin = sorted[0]?.start ?? 0;
  const moments = [
    ...new Set(sorted.flatMap((call) => (call.end === undefined ? [call.start] : [call.start, call.end]))),
  ];
  moments.sort((a, b) => a - b);
  const column = new Map(moments.map((moment, index) => [moment, index]));
  const rows = sorted.map((call) => {
    const from = column.get(call.start) ?? 0;
    const open = call.end === undefined;
    const to = call.end === undefined ? moments.length : (column.get(call.end) ?? from);
    const body = from === to ? "|" : `|${(open ? "." : "-").repeat(Math.max(0, to - from - 1))}${open ? "" : "|"}`;
    const times = `${(call.start - origin).toFixed(3)}..${call.end === undefined ? "" : (call.end - origin).toFixed(3)}`;
    return {
      mark: call === marked ? ">" : " ",
      times,
      bar: " ".repeat(from) + body,
      text: `${showCall(call)} ${outcomeText(call)}`,
    };
  });
  const timesWidth = Math.max(0, ...rows.map((row) => row.times.length));
  const barWidth = Math.max(0, ...rows.map((row) => row.bar.length));
  return rows
    .map((row) => `${row.mark} ${row.times.padEnd(timesWidth)}  ${row.bar.padEnd(barWidth)}  ${row.text}`)
    .join("\n");
}

/** The counterexample as text. `lines` say what was possible and expected. */
export function reportOf(violation: Omit<Violation, "report">, lines: readonly string[], omitted: number): string {
  return [
    `${violation.anomaly}${violation.also.length > 0 ? ` (${violation.also.join(", ")})` : ""} on key ${showValue(violation.key)}: ${violation.message}`,
    ...lines.map((line) => `  ${line}`),
    `  timeline in ms, ${omitted === 0 ? "all calls that matter" : `${omitted} other calls left out`}:`,
    timeline(violation.excerpt, violation.call)
      .split("\n")
      .map((line) => `  ${line}`)
      .join("\n"),
  ].join("\n");
}
