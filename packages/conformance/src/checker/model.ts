import type { Action, Answer } from "./history.js";
import { isRejection } from "./history.js";
import type { Operation } from "./operations.js";

/**
 * What a correct store does, on states small enough to keep hundreds of thousands of them: a state is a string with one UTF-16
 * unit per message, so that comparing, hashing and slicing are the engine's own.
 */
export type State = string;

/** An answer on such states; `false` is the rejection of an index out of range, undefined the answer of a write that has none. */
export type Reply = State | number | null | false | undefined;

/** An action on such states: what it writes, and its index, limit or number to keep. */
export interface Move {
  kind: Action["kind"];
  values: State;
  at: number;
}

/** One operation, ready for the search. */
export interface Step {
  move: Move;
  /** It was answered, with `reply`. Otherwise any reply will do, and it may never have happened. */
  answered: boolean;
  reply: Reply;
  start: number;
  end: number;
  /** Positions of the steps that can only have come before this one, or not at all if this one did. */
  after: readonly number[];
  excludes: readonly number[];
}

/** Below the surrogates, so that iterating a state goes message by message. */
const MAX_VALUES = 0xd800;

/** More different values in one key than a state can tell apart. */
export class TooManyValues extends Error {}

/** Values to UTF-16 units and back. */
export class Alphabet {
  #units = new Map<string, string>();
  #values: string[] = [];

  get size(): number {
    return this.#values.length;
  }

  unit(value: string): string {
    const known = this.#units.get(value);
    if (known !== undefined) return known;
    if (this.#values.length >= MAX_VALUES)
      throw new TooManyValues(`more than ${MAX_VALUES} different values in one key`);
    const unit = String.fromCharCode(this.#values.length);
    this.#units.set(value, unit);
    this.#values.push(value);
    return unit;
  }

  encode(values: readonly string[]): State {
    return values.map((value) => this.unit(value)).join("");
  }

  decode(state: State): string[] {
    return state.split("").map((unit) => this.#values[unit.charCodeAt(0)] ?? "");
  }

  move(action: Action): Move {
    const { kind } = action;
    switch (kind) {
      case "append":
      case "replace":
        return { kind, values: this.encode(action.values), at: 0 };
      case "insert":
      case "edit":
        return { kind, values: this.unit(action.value), at: action.index };
      case "delete":
        return { kind, values: "", at: action.index };
      case "trim":
        return { kind, values: "", at: action.keepLast };
      case "page":
        return { kind, values: "", at: action.limit };
      default:
        return { kind, values: "", at: 0 };
    }
  }

  reply(answer: Answer | undefined): Reply {
    if (isRejection(answer)) return false;
    if (typeof answer === "string") return this.unit(answer);
    if (typeof answer === "number" || answer === null || answer === undefined) return answer;
    return this.encode(answer as readonly string[]);
  }

  /** The answer that a reply to `action` stands for. */
  answer(action: Action, reply: Reply): Answer | undefined {
    if (reply === false) return { error: "INDEX_OUT_OF_RANGE" };
    if (typeof reply !== "string") return reply;
    const values = this.decode(reply);
    return action.kind === "read" || action.kind === "page" ? values : values[0];
  }

  steps(operations: readonly Operation[]): Step[] {
    const positions = new Map(operations.map((operation, index) => [operation, index]));
    const at = (others: readonly Operation[]) => others.flatMap((other) => positions.get(other) ?? []);
    return operations.map((operation) => ({
      move: this.move(operation.action),
      answered: operation.answered,
      reply: this.reply(operation.answer),
      start: operation.start,
      end: operation.end,
      after: at(operation.after),
      excludes: at(operation.excludes),
    }));
  }
}

function isIndex(at: number): boolean {
  return Number.isInteger(at) && at >= 0;
}

/** What the move answers in this state. */
export function replyOf(state: State, move: Move): Reply {
  const { at } = move;
  switch (move.kind) {
    case "read":
      return state;
    case "page":
      return at < state.length ? state.slice(state.length - at) : state;
    case "count":
      return state.length;
    case "pop":
      return state === "" ? null : state.slice(-1);
    case "delete":
    case "edit":
      if (!isIndex(at)) return false;
      return at < state.length ? state.charAt(at) : null;
    case "insert":
      return isIndex(at) && at <= state.length ? undefined : false;
    case "trim":
      return Math.max(0, state.length - at);
    default:
      return undefined;
  }
}

/** The state that the move leaves behind: the same when it has no effect there. */
export function stateAfter(state: State, move: Move): State {
  const { at, values } = move;
  switch (move.kind) {
    case "append":
      return state + values;
    case "replace":
      return values;
    case "forget":
      return "";
    case "pop":
      return state.slice(0, -1);
    case "insert":
      return isIndex(at) && at <= state.length ? state.slice(0, at) + values + state.slice(at) : state;
    case "delete":
    case "edit":
      return isIndex(at) && at < state.length ? state.slice(0, at) + values + state.slice(at + 1) : state;
    case "trim":
      return at < state.length ? state.slice(state.length - at) : state;
    default:
      return state;
  }
}

/** By its answer, the step changed nothing, wherever it took effect. */
export function isPassive(step: Step): boolean {
  if (!step.answered) return false;
  const { kind } = step.move;
  if (kind === "read" || kind === "page" || kind === "count") return true;
  return step.reply === null || step.reply === false || (kind === "trim" && step.reply === 0);
}
