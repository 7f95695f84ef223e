import type { Edit } from "./bundle.js";
import type { Program } from "./program.js";
import { endedLongAgo, expiredMeanwhile, stagedForAnEndedHead } from "./small-programs.js";

/** A protocol with one rule switched off. */
export interface Mutant {
  /** The rule, as it is broken. */
  name: string;
  edits: readonly Edit[];
  /** What is found: the names of anomalies, or the text of an error. Any of them will do. */
  found: RegExp;
  /** Rows and heads must be watched to see it: no client is told anything wrong. */
  watch?: boolean;
  /** A program made for it, where random ones take too long, or what is compared with a list step by step. */
  program?: Program | "taking turns" | undefined;
  /** Histories until it is found, at most. */
  most: number;
}

const told = /lost|doubled|resurrected|stale-read|torn|wrong|taken-twice|reordered|retry-answered|not there/;

export const headMutants: readonly Mutant[] = [
  {
    name: "staged rows are shown although the watermark has passed them",
    edits: [{ file: "staging.ts", find: " && staged.number >= head.watermark", replace: "" }],
    found: told,
    most: 6_000,
  },
  {
    name: "staged rows are collected without a watermark",
    edits: [
      {
        file: "purge.ts",
        find: "return this.#heads.update(key, await this.#heads.read(key, context), raised, context);",
        replace:
          "const read = await this.#heads.read(key, context); return { ...read, head: read.head && { ...read.head, ...raised(read.head) } };",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "the collector reads the head before it lists the rows",
    edits: [
      {
        file: "purge.ts",
        find: "const page = await this.#port.listRows(key, undefined, cursor, context);",
        replace:
          "const early = await this.#heads.read(key, context); const page = await this.#port.listRows(key, undefined, cursor, context);",
      },
      {
        file: "purge.ts",
        find: "const { head } = await this.#aboveWatermark(key, page.addresses, context);",
        replace: "const { head } = early;",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a reader that misses a row does not read the head again",
    edits: [
      {
        file: "head-driver.ts",
        find: "if (messages !== undefined) return messages;",
        replace: "if (messages !== undefined || pieces !== undefined) return messages ?? [];",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a head is deleted whatever its token is",
    edits: [
      {
        file: "purge.ts",
        find: "await this.#port.deleteHead(key, token, context);",
        replace: 'await this.#port.deleteHead(key, (await this.#port.readHead(key, context))?.token ?? "", context);',
      },
    ],
    found: told,
    program: endedLongAgo,
    most: 6_000,
  },
  {
    name: "the head of an ended conversation is deleted at once",
    edits: [
      {
        file: "purge.ts",
        find: "head.writtenAt + this.#tuning.keepEndedMs <= this.#port.now()",
        replace: "true",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a reader tells of an expiry that is no fact yet",
    edits: [
      {
        file: "head-driver.ts",
        find: "current = await this.#heads.seal(key, current, current.head, context);",
        replace: "return undefined;",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a mutation tells of an expiry that is no fact yet",
    edits: [
      {
        file: "head-writer.ts",
        find: "if (view.expired.length === 0 && !isRemembered)",
        replace: "if (!isRemembered)",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "a mutation goes on with a history that has expired",
    edits: [
      {
        file: "head-writer.ts",
        find: "isExpired(head, now) ?",
        replace: "isExpired(head, now) && now < 0 ?",
      },
    ],
    found: /another answer/,
    program: "taking turns",
    most: 6_000,
  },
  {
    name: "a retry does not look for its own id",
    edits: [{ file: "head-writer.ts", find: "operation.fromCaller || tries.sent;", replace: "operation.fromCaller;" }],
    found: told,
    most: 6_000,
  },
  {
    name: "a caller's id is not looked for at the first try",
    edits: [{ file: "head-writer.ts", find: "operation.fromCaller || tries.sent;", replace: "tries.sent;" }],
    found: told,
    most: 6_000,
  },
  {
    name: "the window of remembered operations is one longer than it is",
    edits: [
      {
        file: "tries.ts",
        find: "since <= this.#remembered",
        replace: "since <= this.#remembered + 1",
      },
    ],
    found: told,
    most: 20_000,
  },
  {
    name: "a write that may have left the window is taken as not applied",
    edits: [
      {
        file: "tries.ts",
        find: 'const problem = "The write may',
        replace: 'if (head !== undefined) return;\n    const problem = "The write may',
      },
    ],
    found: told,
    most: 20_000,
  },
  {
    name: "tokens come again",
    edits: [
      {
        file: "heads.ts",
        find: "encodeHead(next, newOperationId())",
        replace: 'encodeHead(next, "t" + (next.version % 2))',
      },
    ],
    found: /two contents|lost|doubled|resurrected|stale-read|torn|wrong|retry-answered|not there/,
    most: 6_000,
  },
  {
    name: "a write that is sent again on the same head is planned anew",
    edits: [
      {
        file: "tries.ts",
        find: "return this.plan?.base === token ? this.plan : undefined;",
        replace: "return token === token ? undefined : this.plan;",
      },
    ],
    found: told,
    program: expiredMeanwhile,
    most: 20_000,
  },
  {
    name: "rows are written before the head that gives them their numbers",
    edits: [
      {
        file: "head-writer.ts",
        find: "    const refused = tries.sending(plan, start.head);\n",
        replace:
          "    const refused = tries.sending(plan, start.head);\n    await this.#putTail(key, plan.next, plan.next.tail.map(([index]) => index), context);\n",
      },
    ],
    found: /two contents/,
    most: 6_000,
  },
  {
    name: "messages leave the tail before their rows are there",
    edits: [
      {
        file: "head-writer.ts",
        find: "let tail = view.tail.filter(([index]) => !rowsPut.has(index));",
        replace: "let tail = rowsPut.size < 0 ? view.tail : [];",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "rows are taken as written while they are on their way",
    edits: [
      {
        file: "housekeeping.ts",
        find: "await this.#port.putRows(key, rows, context);\n      this.#hints.notePut(key, head, indexes);",
        replace: "this.#hints.notePut(key, head, indexes);\n      await this.#port.putRows(key, rows, context);",
      },
    ],
    found: told,
    most: 6_000,
  },
  {
    name: "sequence numbers come again after a pop",
    edits: [
      {
        file: "head.ts",
        find: "  return { ...head, pieces, tail, copying:",
        replace:
          '  const last = pieces.at(-1);\n  return { ...head, pieces, tail, next: last?.[0] === "" ? last[2] : head.next, copying:',
      },
    ],
    found: /two contents|lost|resurrected|wrong|torn|doubled|stale-read/,
    most: 6_000,
  },
  {
    name: "copies are shown although they were given up",
    edits: [
      { file: "compaction.ts", find: "if (head.copying?.first !== copying.first) return undefined;", replace: "" },
    ],
    found: told,
    most: 20_000,
  },
  {
    name: "copies are written before the head that gives them their numbers",
    edits: [
      {
        file: "compaction.ts",
        find: "      return { copying, copied:",
        replace: "      void this.#copy(key, head, copying, context).catch(() => {});\n      return { copying, copied:",
      },
    ],
    found: /two contents/,
    most: 6_000,
  },
  {
    name: "indexes of copies come again",
    edits: [{ file: "compaction.ts", find: "copied: head.copied + countOf(copying.pieces),", replace: "" }],
    found: /two contents|lost|resurrected|wrong|torn|doubled|stale-read/,
    most: 6_000,
  },
  {
    name: "copies that are being made are collected",
    edits: [
      {
        file: "head.ts",
        find: "head.copying === undefined ? head.pieces :",
        replace: "head.copying?.first !== -1 ? head.pieces :",
      },
    ],
    found: told,
    most: 20_000,
  },
  {
    name: "a write that removes messages does not tell that rows may be left",
    edits: [{ file: "head-writer.ts", find: "(dead.length > 0 || tries.leftStaged ? 1 : 0)", replace: "0" }],
    found: /left behind/,
    watch: true,
    most: 6_000,
  },
  {
    name: "answers that may be asked for again are collected",
    edits: [
      {
        file: "head.ts",
        find: "answers.some((answer) => answer.source === address.source && answer.index === index)",
        replace: "answers.length < 0",
      },
    ],
    found: /head names it|nowhere/,
    watch: true,
    most: 6_000,
  },
  {
    name: "a caller's answer is given no row",
    edits: [
      {
        file: "head-writer.ts",
        find: "if (operation.fromCaller && message.rows === 0)",
        replace: "if (operation.id.length < 0)",
      },
    ],
    found: /nowhere/,
    watch: true,
    most: 6_000,
  },
  {
    name: "a hint is believed when there is nothing to do",
    edits: [{ file: "head-writer.ts", find: 'if (!start.fresh) return "out of date";', replace: "" }],
    found: told,
    most: 6_000,
  },
  {
    name: "a new head has the incarnation of the old one",
    edits: [{ file: "staging.ts", find: "return `m${newOperationId().slice(0, 12)}`;", replace: 'return "m00";' }],
    found: /another answer/,
    program: "taking turns",
    most: 6_000,
  },
  {
    name: "staged rows are shown by a head of another incarnation",
    edits: [{ file: "staging.ts", find: "staged.incarnation === head.incarnation && ", replace: "" }],
    found: told,
    program: stagedForAnEndedHead,
    most: 20_000,
  },
  {
    name: "a head is deleted while it names answers",
    edits: [
      {
        file: "purge.ts",
        find: "if (this.#isOver(current.head) && current.head.operations.length > 0) {",
        replace: "if (this.#isOver(current.head) && expired && !expired) {",
      },
      {
        file: "purge.ts",
        find: "this.#isOver(head) && head.operations.length === 0 &&",
        replace: "this.#isOver(head) &&",
      },
    ],
    found: /left behind/,
    watch: true,
    most: 6_000,
  },
  {
    name: "a row that is missing while a cursor is looked up means that the place is gone",
    edits: [
      {
        file: "head-driver.ts",
        find: "if (moved === undefined) return undefined;",
        replace: "if (moved === undefined) throw placeGone();",
      },
    ],
    found: /needless conflict/,
    most: 20_000,
  },
  {
    name: "copies do not say where their messages were",
    edits: [
      {
        file: "compaction.ts",
        find: "this.#port.limits.rowBytes, originOf(message))",
        replace: "this.#port.limits.rowBytes, originOf(message) && undefined)",
      },
    ],
    found: /needless conflict/,
    most: 6_000,
  },
  {
    name: "several rows of one message ride with the head",
    edits: [{ file: "head-writer.ts", find: "Math.min(inlineBytes, rowBytes)", replace: "inlineBytes" }],
    found: /rows with a head/,
    watch: true,
    most: 6_000,
  },
  {
    name: "a cursor does not look for the copy of the message before the page",
    edits: [
      {
        file: "head-driver.ts",
        find: "const copiedOlder = moved.find(({ origin }) => origin === addressText(older));",
        replace: "const copiedOlder = moved.find(({ origin }) => origin === older.source);",
      },
    ],
    found: /another answer/,
    program: "taking turns",
    most: 6_000,
  },
  {
    name: "a write does not move the expiry on",
    edits: [
      {
        file: "head-writer.ts",
        find: "if (place !== undefined) next.expiresAt =",
        replace: "if (place !== undefined && head.expiresAt === undefined) next.expiresAt =",
      },
    ],
    found: /another answer/,
    program: "taking turns",
    most: 6_000,
  },
  {
    name: "a refusal counts although the request was sent twice",
    edits: [{ file: "heads.ts", find: "sentOnce: result.sentOnce === true", replace: "sentOnce: true" }],
    found: told,
    most: 20_000,
  },
  {
    name: "a message is made of some of its rows",
    edits: [
      {
        file: "rows.ts",
        find: "if (first === undefined || parts.length < first.parts) continue;",
        replace: "if (first === undefined) continue;",
      },
    ],
    found: /foreign-value|torn|doubled|lost|another|wrong/,
    most: 6_000,
  },
];
