import type { Failure } from "@chatkeep/chat-store-core/backend";
import { UnexpectedReply } from "./scripted-driver.js";

type Told = Omit<Failure, "message">;

const refused: Told = { code: "MISCONFIGURED", outcome: "not-applied", retry: false };
const passing: Told = { code: "UNAVAILABLE", outcome: "not-applied", retry: true };

/**
 * What an error that Redis answers means, by its first word where it has one; inside a script that word may come later.
 * Order counts: an error about a script's command names the script too.
 */
const errors: readonly (readonly [RegExp, Told, string])[] = [
  [
    /\bWRONGTYPE\b/,
    refused,
    "A name in Redis that belongs to this conversation holds something else, which another program wrote. Nothing was changed. Take another keyPrefix, or remove what is there.",
  ],
  [
    /\b(?:NOAUTH|WRONGPASS)\b|invalid (?:username-)?password|AUTH.*without any password/i,
    refused,
    "Redis refused the user name or the password, or asks for one.",
  ],
  [
    /\bOOM\b/,
    { ...passing, retry: false },
    "Redis has used all the memory that it may (maxmemory), and takes no writes.",
  ],
  [
    /\bREADONLY\b/,
    // After a failover a client finds the new primary by itself.
    { ...refused, retry: true },
    "This Redis is a read-only replica. Connect to the primary, or by Sentinel.",
  ],
  [/\bNOREPLICAS\b/, passing, "Redis takes no writes: too few replicas follow it (min-replicas-to-write)."],
  [
    /\bMISCONF\b/,
    { ...passing, retry: false },
    "Redis takes no writes: it can't save to its disk (stop-writes-on-bgsave-error). Look at its log.",
  ],
  [/\bLOADING\b/, passing, "Redis is loading its data after a start."],
  [/\bMASTERDOWN\b/, passing, "This Redis is a replica that has lost its primary."],
  [/\bCLUSTERDOWN\b/, passing, "The Redis Cluster is down: some of its slots have no primary."],
  [
    /\b(?:MOVED|ASK|TRYAGAIN)\b/,
    passing,
    "The Redis Cluster is moving slots, or this client is not made for a Cluster.",
  ],
  [/\bCROSSSLOT\b/, refused, "This is a Redis Cluster, and the client is not made for one. Give one that is."],
  [/DB index|SELECT is not allowed/i, refused, "Redis has no database of this number (`databases` in its settings)."],
  [/max number of clients/i, passing, "Redis has as many clients as it takes (maxclients)."],
  [
    /\bUNKILLABLE\b|\bBUSY\b|Script killed/i,
    passing,
    "Redis is busy with a script, or its administrator ended this one.",
  ],
  [/\bNOSCRIPT\b/, passing, "Redis has forgotten the script. Try again."],
  [
    /unknown command|unsupported command|not supported|command is not (?:available|allowed)|scripting is (?:disabled|not)/i,
    refused,
    "This Redis, or a proxy before it, runs no scripts (EVALSHA, EVAL). The store needs them: connect to Redis itself.",
  ],
];

/** As Redis 6 and 7 say it, of a request and of a command in a script. */
const forbidden = /\bNOPERM\b|ACL failure|user executing the script can't/;

/** What an answer of Redis' own means, whoever brought it; undefined when it is none that is known. */
export function explainServerError(text: string): Failure | undefined {
  if (forbidden.test(text)) return explainPermission(text);
  for (const [pattern, told, message] of errors) if (pattern.test(text)) return { ...told, message };
  return undefined;
}

function explainPermission(text: string): Failure {
  const command = /'([a-z|]{1,40})' command/i.exec(text)?.[1];
  const keys = /\bkeys?\b/.test(text) && command === undefined;
  const what = keys ? "a key that the store needs" : `the command ${command?.toUpperCase() ?? "that a script needs"}`;
  const message = `The user may not use ${what} on this Redis. See the README for the permissions that it takes.`;
  // In a script other commands may have come before.
  return { ...refused, message, outcome: /script/i.test(text) ? "unknown" : "not-applied" };
}

/** Of an error that a driver throws itself; undefined when it is none. */
export function explainDriverError(error: unknown): Failure | undefined {
  if (!(error instanceof UnexpectedReply)) return undefined;
  const message = "The answer was none of Redis': something on the way changed it.";
  return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
}
