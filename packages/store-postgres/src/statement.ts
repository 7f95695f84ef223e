import { hash } from "node:crypto";

/** A statement that is sent again and again. */
export interface Statement {
  /** Of the text alone, so that whoever finds a prepared statement of this name on a connection finds this very one. */
  readonly name: string;
  readonly text: string;
}

/** Statements by what they do, with the names by which they are prepared. */
export function named<Name extends string>(texts: Readonly<Record<Name, string>>): Readonly<Record<Name, Statement>> {
  const statements = Object.entries<string>(texts).map(([name, text]) => {
    return [name, { name: `chatkeep_${name}_${hash("sha256", text, "base64url").slice(0, 22)}`, text }];
  });
  return Object.fromEntries(statements) as Record<Name, Statement>;
}
