/**
 * Offset of the first character that makes a text no JSON (of a broken word, number or escape: where it begins), or of
 * its end; undefined when it is JSON. The parser's own errors quote what they found, which may be somebody's message, and
 * do not always say where.
 */
export function findSyntaxError(text: string): number | undefined {
  let at = 0;
  const skipSpace = () => {
    while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  };
  const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.test(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const string = () => {
    if (text[at] !== '"') return false;
    for (at++; at < text.length && text[at] !== '"'; ) {
      if (text[at] === "\\") {
        if (!match(escaped)) return false;
      } else if (text.charCodeAt(at) < 0x20) return false;
      else at++;
    }
    if (at === text.length) return false;
    at++;
    return true;
  };
  const member = () => {
    skipSpace();
    if (!string()) return false;
    skipSpace();
    return text[at] === ":" && at++ >= 0;
  };

  const open: ("{" | "[")[] = [];
  for (;;) {
    skipSpace();
    const first = text[at];
    let complete = true;
    if (first === "{" || first === "[") {
      at++;
      skipSpace();
      if (text[at] === (first === "{" ? "}" : "]")) at++;
      else {
        open.push(first);
        complete = false;
        if (first === "{" && !member()) return at;
      }
    } else if (!(first === '"' ? string() : match(scalar))) return at;

    while (complete) {
      skipSpace();
      const inside = open.at(-1);
      if (inside === undefined) return at < text.length ? at : undefined;
      if (text[at] === ",") {
        at++;
        if (inside === "{" && !member()) return at;
        complete = false;
      } else if (text[at] === (inside === "{" ? "}" : "]")) {
        at++;
        open.pop();
      } else return at;
    }
  }
}

/** Where a text is no JSON, for people; undefined when it is JSON. */
export function describeSyntaxError(text: string): string | undefined {
  const offset = findSyntaxError(text);
  if (offset === undefined) return undefined;
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `It is not JSON from line ${line}, column ${offset - before.lastIndexOf("\n")} on.`;
}
