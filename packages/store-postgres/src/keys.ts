// A key may hold NUL, which Postgres's text can't: it is stored as `\0`, and `\` as `\\`. No two keys become one, and a
// beginning of a key stays one.

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\0": "\\0" };

export function toStoredKey(key: string): string {
  return key.replace(/[\\\0]/g, (character) => escapes[character] ?? "");
}

export function fromStoredKey(stored: string): string {
  return stored.replace(/\\([\\0])/g, (_, character) => (character === "0" ? "\0" : "\\"));
}

/** Where the keys with a prefix begin, and where they end, if anywhere: in the order of code points, as COLLATE "C" has it. */
export function rangeOf(prefix: string): { from: string; to: string | undefined } | undefined {
  // The first half of a pair may be the end of a prefix; the pairs that it may belong to are found by what is before it.
  const whole = prefix.replace(/[\ud800-\udbff]$/u, "");
  if (/\p{Surrogate}/u.test(whole)) return undefined;
  const from = toStoredKey(whole);
  const points = [...from].map((character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return { from, to: String.fromCodePoint(...points, next) };
  }
  return { from, to: undefined };
}
