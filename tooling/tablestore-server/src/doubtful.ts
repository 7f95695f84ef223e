import { parameterInvalid } from "./errors.js";

/**
 * What the documentation leaves open or contradicts itself in, and where no answer of the server would be safe to rely on.
 * It refuses these, so that a client that gets along with it does not depend on them; `accept` lets one through, as the value says.
 */
export const DOUBTFUL = {
  "repeated-rows":
    "a batch may hold a row twice, where no condition is set on it (Error codes; BatchWriteRow says it is refused)",
  "put-without-columns":
    "a PutRow may have no attribute columns (Error codes has a text against it, the SDKs allow it)",
  "key-in-columns-to-get": "a primary key column named in columns_to_get counts as a column that the row has",
  "explicit-auto-increment": "a row of a table with AUTO_INCREMENT may be written by its number without EXPECT_EXIST",
  "expect-not-exist":
    "an UpdateRow or DeleteRow may expect that the row does not exist (the operations' pages list IGNORE and EXPECT_EXIST only)",
  "condition-on-missing-row": "a column condition on a row that does not exist finds all its columns missing",
  "column-names":
    "an attribute column may have any name (an example of the Python SDK has a space in one, the documentation forbids it)",
  "missing-table-in-batch": "a table of a batch that does not exist fails its rows, not the request",
  "empty-key": "a STRING or BINARY primary key value may be empty",
  "other-type": "a condition on a value of another type than its constant does not hold, whatever it compares",
} as const;

export type Doubtful = keyof typeof DOUBTFUL;

export class Readings {
  constructor(private readonly accepted: ReadonlySet<Doubtful>) {}

  accepts(what: Doubtful): boolean {
    return this.accepted.has(what);
  }

  /** Throws unless it is accepted. The service's own text where it has one. */
  check(what: Doubtful, text = `Refused by the test server, because the service's answer is unknown: ${what}.`): void {
    if (!this.accepts(what)) throw parameterInvalid(text);
  }
}
