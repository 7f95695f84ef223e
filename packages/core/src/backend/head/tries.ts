import { chatStoreError } from "../../errors.js";
import type { Operation } from "../driver.js";
import { OfCallers } from "../of-callers.js";
import type { Head } from "./head.js";
import type { Plan } from "./head-writer.js";
import { mayShow, type Staged } from "./staging.js";

/** A write that may have happened, or may yet: the head that it was made for. */
interface Unresolved {
  incarnation: string;
  version: number;
  /** Whether there was no head. */
  creating: boolean;
}

/** The tries of all mutations of one process. */
export class AllTries {
  readonly #remembered: number;
  /** By operation, since the facade tries the very same one again. */
  readonly #ofCalls = new WeakMap<Operation, Tries>();
  /** Writes of earlier calls that may have happened, also those that did. */
  readonly #ofCallers = new OfCallers<Unresolved>();

  constructor(rememberedOperations: number) {
    this.#remembered = rememberedOperations;
  }

  of(key: string, operation: Operation): Tries {
    const known = this.#ofCalls.get(operation);
    if (known !== undefined) return known;
    const earlier = this.#ofCallers.get(key, operation);
    const note = (unresolved: Unresolved | undefined) => this.#ofCallers.note(key, operation, unresolved);
    const tries = new Tries(key, this.#remembered, earlier, note);
    this.#ofCalls.set(operation, tries);
    return tries;
  }
}

/** What a call of a mutation knows of its own tries, the first ones and those that the facade makes after a failure. */
export class Tries {
  readonly #key: string;
  readonly #remembered: number;
  /** For the operation's next call. */
  readonly #note: (unresolved: Unresolved | undefined) => void;
  #staged: Staged | undefined;
  #unresolved: Unresolved | undefined;
  /** The last one that was sent. */
  plan: Plan | undefined;
  /** Whether something was staged that can't be shown any more. */
  leftStaged = false;

  constructor(
    key: string,
    rememberedOperations: number,
    earlier: Unresolved | undefined,
    note: (unresolved: Unresolved | undefined) => void,
  ) {
    this.#key = key;
    this.#remembered = rememberedOperations;
    this.#unresolved = earlier;
    this.#note = note;
  }

  get sent(): boolean {
    return this.plan !== undefined;
  }

  /** A plan for the very head that the last one was made for: the same one, since either try may be the one that happens. */
  planFor(token: string | undefined): Plan | undefined {
    return this.plan?.base === token ? this.plan : undefined;
  }

  /** Notes that a plan is sent now. The answer undoes that: the request was refused, and was the only one. */
  sending(plan: Plan, head: Head | undefined): () => void {
    const earlier = this.#unresolved;
    this.plan = plan;
    const { incarnation, version } = plan.next;
    // The oldest is kept: once it is settled, later ones are.
    this.#settle(earlier ?? { incarnation, version: version - 1, creating: head === undefined });
    return () => this.#settle(earlier);
  }

  /** The last plan that was sent has been applied. */
  applied({ next: { incarnation, version } }: Plan): void {
    this.#unresolved = undefined;
    this.#note({ incarnation, version: version - 1, creating: false });
  }

  /**
   * The head does not name the operation. If it has moved on, earlier writes have lost their condition for ever. Throws when
   * one may have happened nevertheless, and have left the list of operations since.
   */
  notApplied(head: Head | undefined): void {
    const unresolved = this.#unresolved;
    if (unresolved === undefined || (unresolved.creating && head === undefined)) return;
    if (head?.incarnation === unresolved.incarnation) {
      const since = head.version - unresolved.version;
      if (since <= 0) return;
      if (since <= this.#remembered) {
        this.#settle(undefined);
        return;
      }
    } else if (unresolved.creating) {
      // Another one created the head, and a head lives longer than any call.
      this.#settle(undefined);
      return;
    }
    const problem = "The write may have been applied, and too many others were since for the store to tell.";
    throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown", key: this.#key });
  }

  /** What was staged before, if this head can still show it. */
  staged(head: Head): Staged | undefined {
    return this.#staged !== undefined && mayShow(this.#staged, head) ? this.#staged : undefined;
  }

  stagedAnew(staged: Staged): Staged {
    this.leftStaged ||= this.#staged !== undefined;
    this.#staged = staged;
    return staged;
  }

  #settle(unresolved: Unresolved | undefined): void {
    this.#unresolved = unresolved;
    this.#note(unresolved);
  }
}
