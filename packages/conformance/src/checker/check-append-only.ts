import {
  byKey,
  type Call,
  type History,
  type Initial,
  initialOf,
  isReadLike,
  valuesOf,
  valuesShown,
} from "./history.js";
import { type Operation, operationsOf } from "./operations.js";
import { reportOf, showValues } from "./report.js";
import { type Anomaly, type CheckResult, resultOf, type Violation } from "./result.js";

/** What is known beside the history. */
export interface AppendOnlyOptions {
  /** What each conversation held before the history; nothing when absent. */
  initial?: Initial | undefined;
}

/**
 * Decides whether a history of appends (single and batches, every value written once), reads, newest pages and counts is
 * linearizable. Time: the size of the history, answers included, and the sorting of its calls; made for runs of 100,000s.
 *
 * The longest full answer gives the order of all messages (newest pages carry it on where they overlap it), and with it every
 * other answer has one place in that order; what remains is that no start in that order comes after a later place's end. So
 * the decision is exact: each acknowledged append once, one of unknown outcome at most once, a refused one never, batches whole
 * and contiguous, nothing foreign, one order for all readers, and that order in keeping with real time, between appends, between
 * reads, and between the two.
 *
 * "undecided", after whatever can be checked has been, is the verdict on a key where that argument has a gap:
 * - a page whose newest message is beyond every full answer and not tied to one by overlapping pages;
 * - a count beyond every full answer (checked: not less than what was surely there, not more than what can have been);
 * - other actions than these, a value written by two operations, one operation id for several actions of which none was answered.
 *
 * End a run with one `read` of each key when all else is answered, and the first two cannot happen.
 */
export function checkAppendOnly(history: History, options: AppendOnlyOptions = {}): CheckResult {
  const violations: Violation[] = [];
  const undecided: string[] = [];
  const keys = byKey(history);
  for (const [key, calls] of keys) {
    const check = new KeyCheck(key, calls, initialOf(options.initial, key));
    check.run();
    violations.push(...check.violations);
    undecided.push(...check.undecided);
  }
  return resultOf(violations, undecided, history.length, keys.size);
}

/** More violations of one kind on one key are not reported one by one. */
const MAX_REPORTED = 5;

/** The order of a key's messages as far as answers show it. */
interface Line {
  values: readonly string[];
  place: ReadonlyMap<string, number>;
  /** The appends, in their order. */
  appends: readonly Operation[];
  /** By length of a prefix, the number of appends in it; -1 where it would cut one. */
  boundary: Int32Array;
}

/** Something seen at one place of the line. */
interface Sighting {
  observer: Operation;
  /** Appends before it. */
  position: number;
}

function callOf(operation: Operation): Call {
  return operation.calls.find((call) => call.outcome === "ok") ?? (operation.calls[0] as Call);
}

/** The answer shows the whole conversation. */
function isFull(observer: Operation): boolean {
  const { action, answer } = observer;
  return action.kind === "read" || (action.kind === "page" && valuesShown(answer).length < action.limit);
}

class KeyCheck {
  readonly violations: Violation[] = [];
  readonly undecided: string[] = [];
  readonly #key: string;
  readonly #calls: readonly Call[];
  readonly #initial: readonly string[];
  readonly #appends: Operation[] = [];
  readonly #observers: Operation[] = [];
  /** Who wrote a value; undefined when it was there before. */
  readonly #writers = new Map<string, Operation | undefined>();
  readonly #reported = new Map<Anomaly, number>();

  constructor(key: string, calls: readonly Call[], initial: readonly string[]) {
    this.#key = key;
    this.#calls = calls;
    this.#initial = initial;
  }

  run(): void {
    if (!this.#sort()) return;
    const line = this.#line();
    if (line === undefined) return;
    const { beyond, sightings } = this.#locate(line);
    const latest = this.#sweep(line, sightings);
    this.#tail(line, beyond, latest);
  }

  /** Appends and observers apart; false when the history is not of the kind that this check decides. */
  #sort(): boolean {
    const { operations, conflicts } = operationsOf(this.#calls);
    for (const { first, second } of conflicts)
      this.#violate("operation-id-reused", second, `${second.operationId} was acknowledged for two actions`, [first]);
    for (const value of this.#initial) this.#writers.set(value, undefined);
    let why = this.#writers.size < this.#initial.length ? "a value was there twice from the beginning" : undefined;
    for (const operation of operations) {
      const { action, excludes } = operation;
      if (isReadLike(action)) this.#observers.push(operation);
      else if (action.kind !== "append") why ??= `${action.kind} is no append`;
      else if (excludes.length > 0) why ??= "one operation id, several actions, none acknowledged";
      else if (action.values.length > 0) this.#appends.push(operation);
      for (const value of valuesOf(action)) {
        if (this.#writers.has(value)) why ??= `${showValues([value])} was written twice`;
        this.#writers.set(value, operation);
      }
    }
    if (why !== undefined) this.#leave(`${why}: that is for checkHistory`);
    return why === undefined && conflicts.length === 0;
  }

  #leave(why: string): void {
    this.undecided.push(`key ${JSON.stringify(this.#key)}: ${why}`);
  }

  #violate(anomaly: Anomaly, call: Call, message: string, others: readonly Call[] = [], lines: readonly string[] = []) {
    const reported = this.#reported.get(anomaly) ?? 0;
    this.#reported.set(anomaly, reported + 1);
    if (reported >= MAX_REPORTED) return;
    const excerpt = [...new Set([...others, call])].sort((a, b) => a.start - b.start);
    const violation = { key: this.#key, anomaly, also: [], message, call, possible: [], excerpt };
    const report = reportOf(violation, lines, this.#calls.length - excerpt.length);
    this.violations.push({ ...violation, report });
  }

  /** What is wrong with shown values taken by themselves; false when something is. */
  #clean(observer: Operation, shown: readonly string[]): boolean {
    const call = callOf(observer);
    const before = this.violations.length;
    const seen = new Set<string>();
    for (const value of shown) {
      if (seen.has(value)) {
        const writer = this.#writers.get(value);
        this.#violate("doubled", call, `${showValues([value])} is there more than once`, writer?.calls);
      } else if (!this.#writers.has(value)) {
        const refused = this.#calls.filter((other) => valuesOf(other.action).includes(value));
        if (refused.length === 0) this.#violate("foreign-value", call, `${showValues([value])} was never written here`);
        else
          this.#violate(
            "refused-but-applied",
            call,
            `${showValues([value])} was written only by a call that was said not to have happened`,
            refused,
          );
      }
      seen.add(value);
      if (this.violations.length > before) return false;
    }
    return true;
  }

  /** The order of the messages; undefined when the answers that should give it are wrong themselves. */
  #line(): Line | undefined {
    let values: readonly string[] = this.#initial;
    let source: Operation | undefined;
    for (const observer of this.#observers) {
      const shown = valuesShown(observer.answer);
      if (!isFull(observer) || shown.length <= values.length) continue;
      values = shown;
      source = observer;
    }
    if (source !== undefined && !this.#clean(source, values)) return undefined;
    const place = new Map(values.map((value, at) => [value, at]));
    const line = [...values];
    if (!this.#extend(line, place)) return undefined;

    const boundary = new Int32Array(line.length + 1).fill(-1);
    const appends: Operation[] = [];
    const whole = source ?? this.#observers.at(-1);
    for (let at = 0; at < this.#initial.length; at++) {
      const value = this.#initial[at] ?? "";
      if (line[at] === value) continue;
      if (whole !== undefined)
        this.#violate(
          "lost",
          callOf(whole),
          `${showValues([value])} was there from the beginning and is not in its place`,
        );
      return undefined;
    }
    boundary[this.#initial.length] = 0;
    for (let at = this.#initial.length; at < line.length; ) {
      const writer = this.#writers.get(line[at] ?? "");
      if (writer === undefined || whole === undefined) return undefined;
      const batch = valuesOf(writer.action);
      if (batch.some((value, offset) => line[at + offset] !== value)) {
        const order = batch.every((value) => place.has(value)) && line[at] !== batch[0];
        this.#violate(
          "torn",
          callOf(whole),
          `${showValues(batch)} was appended at once and is not there as a whole${order ? ", in order" : ""}`,
          writer.calls,
          [`it shows: ${showValues(line.slice(Math.max(0, at - 2), at + batch.length + 2))}`],
        );
        return undefined;
      }
      at += batch.length;
      appends.push(writer);
      boundary[at] = appends.length;
    }
    return { values: line, place, appends, boundary };
  }

  /** Carries the line on by what newest pages, and the batches seen in them, show to come next. */
  #extend(line: string[], place: Map<string, number>): boolean {
    const next = new Map<string, string>();
    const previous = new Map<string, string>();
    const follows = (values: readonly string[]): boolean => {
      for (let at = 1; at < values.length; at++) {
        const [a, b] = [values[at - 1] ?? "", values[at] ?? ""];
        const known = place.get(a) ?? line.length - 1;
        if (known === line.length - 1 ? place.has(b) : line[known + 1] !== b) return false;
        if ((next.get(a) ?? b) !== b || (previous.get(b) ?? a) !== a) return false;
        next.set(a, b);
        previous.set(b, a);
      }
      return true;
    };
    for (const page of this.#observers) {
      const shown = valuesShown(page.answer);
      const last = shown.at(-1);
      if (page.action.kind !== "page" || isFull(page) || last === undefined || place.has(last)) continue;
      if (!this.#clean(page, shown)) return false;
      const batches = new Set(shown.map((value) => this.#writers.get(value)));
      for (const values of [
        shown,
        ...[...batches].map((batch) => (batch === undefined ? [] : valuesOf(batch.action))),
      ]) {
        if (follows(values)) continue;
        // The full answers have its older messages, and go on without its newest.
        if (shown.some((value) => place.has(value)))
          this.#violate(
            "lost",
            callOf(page),
            `${showValues([last])} was seen here, and a longer answer does not have it`,
          );
        else this.#violate("reordered", callOf(page), `${showValues(values)} follow each other here and not elsewhere`);
        return false;
      }
    }
    for (let value = next.get(line.at(-1) ?? ""); line.length > 0 && value !== undefined; value = next.get(value)) {
      if (place.has(value)) {
        const page = this.#observers.find((observer) => valuesShown(observer.answer).includes(value ?? ""));
        if (page !== undefined) this.#violate("reordered", callOf(page), `${showValues([value])} comes before itself`);
        return false;
      }
      place.set(value, line.length);
      line.push(value);
    }
    return true;
  }

  /** Each answer's place on the line; `beyond` are the pages and counts that lie somewhere after it. */
  #locate(line: Line): { sightings: Sighting[]; beyond: Operation[] } {
    const sightings: Sighting[] = [];
    const beyond: Operation[] = [];
    for (const observer of this.#observers) {
      const { action, answer } = observer;
      const call = callOf(observer);
      let length: number;
      if (action.kind === "count") {
        length = Number(answer);
        if (length > line.values.length) {
          beyond.push(observer);
          continue;
        }
        if (!Number.isInteger(length) || (line.boundary[length] ?? -1) < 0) {
          this.#violate("wrong-count", call, `there never were ${length} messages`);
          continue;
        }
      } else {
        const shown = valuesShown(answer);
        if (action.kind === "page" && shown.length > action.limit) {
          this.#violate("wrong-answer", call, `a page of ${action.limit} has ${shown.length} messages`);
          continue;
        }
        if (action.kind === "page" && action.limit === 0) continue;
        const full = isFull(observer);
        const last = full ? shown.length - 1 : line.place.get(shown.at(-1) ?? "");
        if (last === undefined) {
          if (this.#clean(observer, shown)) beyond.push(observer);
          continue;
        }
        length = last + 1;
        const from = length - shown.length;
        const differs = shown.findIndex((value, at) => line.values[from + at] !== value);
        if (differs >= 0 || from < 0) {
          this.#misplaced(observer, shown, line, from, differs);
          continue;
        }
        if ((line.boundary[length] ?? -1) < 0) {
          const next = line.values[length] ?? "";
          if (length < this.#initial.length)
            this.#violate("lost", call, `${showValues([next])} was there from the beginning`);
          else {
            const writer = this.#writers.get(next);
            const batch = showValues(valuesOf((writer ?? observer).action));
            this.#violate("torn", call, `${batch} was appended at once and is there in part`, writer?.calls);
          }
          continue;
        }
      }
      sightings.push({ observer, position: line.boundary[length] ?? 0 });
    }
    return { beyond, sightings };
  }

  /** An answer that is not on the line. */
  #misplaced(observer: Operation, shown: readonly string[], line: Line, from: number, differs: number): void {
    if (!this.#clean(observer, shown)) return;
    const call = callOf(observer);
    const off = shown.find((value) => !line.place.has(value));
    const at = off === undefined ? differs : shown.indexOf(off);
    const there = at === 0 ? Math.max(0, from) : (line.place.get(shown[at - 1] ?? "") ?? from + at - 1) + 1;
    const around = (values: readonly string[], middle: number) =>
      showValues(values.slice(Math.max(0, middle - 2), middle + 3));
    const lines = [`it shows: ${around(shown, at)}`, `another answer there: ${around(line.values, there)}`];
    const ordered = shown.every(
      (value, at) => at === 0 || (line.place.get(shown[at - 1] ?? "") ?? 0) < (line.place.get(value) ?? 0),
    );
    if (off !== undefined) {
      const message = `${showValues([off])} was seen here, and a longer answer does not have it`;
      this.#violate("lost", call, message, this.#writers.get(off)?.calls, lines);
    } else if (!ordered) this.#violate("reordered", call, "two answers show two orders", [], lines);
    else {
      const hole = line.values[from + differs] ?? "";
      const message = `what lies between is left out, such as ${showValues([hole])}`;
      this.#violate("torn", call, message, this.#writers.get(hole)?.calls, lines);
    }
  }

  /** Real time along the line. Returns the operation that started last of those that must come before what is not on it. */
  #sweep(line: Line, sightings: readonly Sighting[]): Operation | undefined {
    const at: Operation[][] = [];
    for (const { observer, position } of sightings) {
      const here = at[position];
      if (here === undefined) at[position] = [observer];
      else here.push(observer);
    }
    let latest: Operation | undefined;
    const pass = (operation: Operation): boolean => latest === undefined || operation.end >= latest.start;
    const later = (a: Operation | undefined, b: Operation) => (a === undefined || b.start > a.start ? b : a);
    for (let position = 0; position <= line.appends.length; position++) {
      const append = position > 0 ? line.appends[position - 1] : undefined;
      if (append !== undefined) {
        if (latest !== undefined && !pass(append)) this.#late(append, latest);
        latest = later(latest, append);
      }
      let next = latest;
      for (const observer of at[position] ?? []) {
        if (latest !== undefined && !pass(observer)) this.#late(observer, latest);
        next = later(next, observer);
      }
      latest = next;
    }
    return latest;
  }

  /** `after` comes after `before` on the line, but was over before that started. */
  #late(after: Operation, before: Operation): void {
    const [early, late] = [callOf(after), callOf(before)];
    const appended = showValues(valuesOf(isReadLike(after.action) ? before.action : after.action));
    if (isReadLike(before.action) && isReadLike(after.action))
      this.#violate("stale-read", late, "it shows less than was seen before it was made", [early]);
    else if (isReadLike(before.action))
      this.#violate("stale-read", late, `it does not show ${appended}, acknowledged before it was made`, after.calls);
    else if (isReadLike(after.action))
      this.#violate("read-from-the-future", early, `it shows, or counts, ${appended}, not yet written`, before.calls);
    else this.#violate("reordered", late, `it stands before ${appended}, acknowledged before it was made`, after.calls);
  }

  /** What is not on the line: appends, and the pages and counts beyond it. */
  #tail(line: Line, beyond: readonly Operation[], latest: Operation | undefined): void {
    const shown = new Set(line.appends);
    const rest = this.#appends.filter((append) => !shown.has(append));
    for (const append of rest) {
      if (latest === undefined || append.end >= latest.start) continue;
      const what = `${showValues(valuesOf(append.action))} was acknowledged and is in no answer, such as this later one`;
      this.#violate("lost", callOf(append), what, [callOf(latest)], [`acknowledged to ${callOf(append).client}`]);
    }
    if (beyond.length === 0) return;
    this.#leave(`${beyond.length} pages or counts are beyond every full answer: end the run with a read of the key`);

    const sizes = (of: readonly Operation[], by: (operation: Operation) => number) => {
      const sorted = [...of].sort((a, b) => by(a) - by(b));
      const sums = [0];
      for (const operation of sorted) sums.push((sums.at(-1) ?? 0) + valuesOf(operation.action).length);
      /** Messages in those up to `limit`, that one included or not. */
      return (limit: number, included: boolean): number => {
        let low = 0;
        let high = sorted.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          const value = by(sorted[middle] as Operation);
          if (value < limit || (included && value === limit)) low = middle + 1;
          else high = middle;
        }
        return sums[low] ?? 0;
      };
    };
    const surely = sizes(rest, (append) => append.end);
    const possibly = sizes(rest, (append) => append.start);
    for (const observer of beyond) {
      const call = callOf(observer);
      const newest = valuesShown(observer.answer).at(-1);
      if (latest !== undefined && observer.end < latest.start) {
        if (newest === undefined) this.#late(observer, latest);
        else {
          const message = `${showValues([newest])} was seen here, and a later answer does not have it`;
          this.#violate("lost", call, message, latest.calls);
        }
      } else if (newest === undefined) {
        const least = line.values.length + surely(call.start, false);
        const most = line.values.length + possibly(observer.end, true);
        const told = Number(observer.answer);
        if (told < least || told > most)
          this.#violate("wrong-count", call, `it was told ${told}, and there were ${least} to ${most}`);
      }
    }
  }
}
