import { chatStoreError } from "../../errors.js";
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

/** What a call of a mutation knows of its own tries, the first ones and those that the facade makes after a failure. */
export class Tries {
  readonly #key: string;
  readonly #remembered: number;
  #staged: Staged | undefined;
  /** The last one that was sent. */
  plan: Plan | undefined;
  unresolved: Unresolved | undefined;
  /** Whether something was staged that can't be shown any more. */
  leftStaged = false;

  constructor(key: string, rememberedOperations: number) {
    this.#key = key;
    this.#remembered = rememberedOperations;
  }

  get sent(): boolean {
    return this.plan !== undefined;
  }

  /** A plan for the very head that the last one was made for: the same one, since either try may be the one that happens. */
  planFor(token: string | undefined): Plan | undefined {
    return this.plan?.base === token ? this.plan : undefined;
  }

  sending(plan: Plan, head: Head | undefined): void {
    this.plan = plan;
    const { incarnation, version } = plan.next;
    // The oldest is kept: once it is settled, later ones are.
    this.unresolved ??= { incarnation, version: version - 1, creating: head === undefined };
  }

  /**
   * The head does not name the operation. If it has moved on, earlier writes have lost their condition for ever. Throws when
   * one may have happened nevertheless, and have left the list of operations since.
   */
  notApplied(head: Head | undefined): void {
    const { unresolved } = this;
    if (unresolved === undefined || (unresolved.creating && head === undefined)) return;
    if (head?.incarnation === unresolved.incarnation) {
      const since = head.version - unresolved.version;
      if (since <= 0) return;
      if (since <= this.#remembered) {
        this.unresolved = undefined;
        return;
      }
    } else if (unresolved.creating) {
      // Another one created the head, and a head lives longer than any call.
      this.unresolved = undefined;
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
}
