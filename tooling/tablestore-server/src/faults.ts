import { ServiceError } from "./errors.js";
import type { OperationName, Operations } from "./wire/messages.js";

/** One request, as faults are chosen by it. */
export type ReceivedRequest = {
  [Name in OperationName]: { readonly operation: Name; readonly message: Operations[Name]["request"] };
}[OperationName];

/** A row of a batch. */
export interface ReceivedRow {
  readonly operation: "BatchGetRow" | "BatchWriteRow";
  readonly table: string;
  /** Among the rows of its table in the request. */
  readonly index: number;
}

/** An answer that is an error, though the request was good. `after`: it was done all the same. */
export interface RequestFault {
  readonly error: ServiceError;
  readonly when: "before" | "after";
}

/** The same for one row of a batch, whose other rows go on. */
export type RowFault = RequestFault;

/** An error by its code, with the status and, unless another text is given, something to read. */
export function fault(when: "before" | "after", code: string, message = `Injected: ${code}.`): RequestFault {
  return { when, error: new ServiceError(code, message) };
}

interface Planned<Subject> {
  left: number;
  readonly fault: RequestFault;
  readonly matches: (subject: Subject) => boolean;
}

/** Which requests, or which rows, get a fault. */
export class FaultPlan<Subject> {
  private planned: Planned<Subject>[] = [];
  private decide: (subject: Subject) => RequestFault | undefined = () => undefined;

  /** For the next `count` that match. */
  next(count: number, planned: RequestFault, matches: (subject: Subject) => boolean = () => true): void {
    this.planned.push({ left: count, fault: planned, matches });
  }

  /** For all from now on, until it is given another function. */
  always(decide: (subject: Subject) => RequestFault | undefined): void {
    this.decide = decide;
  }

  clear(): void {
    this.planned = [];
    this.decide = () => undefined;
  }

  take(subject: Subject): RequestFault | undefined {
    const planned = this.planned.find(({ left, matches }) => left > 0 && matches(subject));
    if (planned === undefined) return this.decide(subject);
    planned.left -= 1;
    return planned.fault;
  }
}
