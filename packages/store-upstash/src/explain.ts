import type { Failure } from "@chatkeep/chat-store-core/backend";
import { explainDriverError, explainServerError } from "@chatkeep/redis-layouts";
import { ServerError, UnreadableReply } from "./failures.js";

/** The connection never came about, so nothing was sent. EHOSTUNREACH can also come while an answer is awaited. */
const notConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/** What an error of the SDK or of `fetch` looks like, as far as it is looked at. */
interface SdkError {
  name?: unknown;
  message?: unknown;
  cause?: { code?: unknown } | undefined;
}

/**
 * What an error means. No text of the SDK's or the service's own is passed on: they quote the command, content and all.
 * A client that was handed in may have sent a request several times, of which we see the last one's end.
 */
export function explainer({ retriesItself }: { retriesItself: boolean }): (error: unknown) => Failure {
  return (error) => {
    const failure = explainDriverError(error) ?? classify(error);
    return retriesItself && failure.code === "UNAVAILABLE" ? { ...failure, outcome: "unknown" } : failure;
  };
}

function classify(thrown: unknown): Failure {
  const error: SdkError = typeof thrown === "object" && thrown !== null ? thrown : {};
  const name = String(error.name ?? "");
  const text = String(error.message ?? "");
  const code = String(error.cause?.code ?? "");

  if (thrown instanceof ServerError) return explainText(text);
  if (thrown instanceof UnreadableReply) return unreadable();
  if (name === "UpstashJSONParseError") return explainPage(text.replace(/^Unable to parse response body: /, ""));
  if (name === "UpstashError") {
    return explainText(text.replace(/, command was: .*$/s, "").replace(/^Command \d+ \[ \w+ \] failed: /, ""));
  }
  if (name === "UrlError") return misconfigured("The client's URL is none: it must begin with https://.");
  if (name === "TypeError" && /map is not a function/.test(text)) {
    const message =
      "The client that was handed in has an AbortSignal that has aborted. Give it a function that makes one, or none.";
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: false };
  }
  if (/RequestInitializerDict|'cache' field/.test(text)) {
    return misconfigured(
      "This version of Cloudflare's runtime doesn't know fetch's `cache`. Set a compatibility date of 2024-11-11 or later, or hand in a client of @upstash/redis/cloudflare.",
    );
  }
  if (/CERT|SELF_SIGNED|^ERR_TLS|^ERR_SSL|^EPROTO$/.test(code)) {
    return misconfigured(`No TLS connection to the database's URL is possible (${code}).`);
  }
  if (notConnected.has(code)) {
    const message = `The database can't be reached (${code}). Check redisUrl and the network.`;
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
  }
  if (name === "TimeoutError" || name === "AbortError") {
    return lost("The database did not answer in time.");
  }
  // `fetch` has a text of its own in each runtime.
  if (name === "TypeError" || name === "NetworkError" || /fetch|network|connection|socket/i.test(text)) {
    return lost("The connection to the database broke before it answered.");
  }
  const what = /^[\w.]{1,80}$/.test(name) ? name : "an unknown error";
  const message = `The database, or the way to it, failed with ${what}.`;
  return { code: "UNAVAILABLE", message, outcome: "unknown", retry: false };
}

/** What Upstash says; what Redis says too is known where the scripts are. */
function explainText(text: string): Failure {
  if (/WRONGPASS|NOAUTH|unauthori[sz]ed/i.test(text)) {
    return misconfigured(
      "The token is missing or wrong for this URL. Take both from the REST API section of the database's page; the password is another thing.",
    );
  }
  // Of a command in a script Redis has other words, and others may have come before it.
  const inScript = /executing the script can't/.test(text);
  if (inScript || /NOPERM/.test(text)) {
    const message =
      "The token may not run the store's scripts (EVAL) on its names. Use the standard token, not the read-only one, or give the ACL user what the README lists.";
    return { ...misconfigured(message), outcome: inScript ? "unknown" : "not-applied" };
  }
  if (/max (?:daily |monthly )?requests? limit exceeded|bandwidth.*(?:exceeded|limit)/i.test(text)) {
    const message = "The database has used up what its plan allows. Upgrade it, or wait for the next period.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: false };
  }
  if (/max (?:commands|requests) per second|rate limit|too many requests/i.test(text)) return throttled();
  if (/max request size exceeded/i.test(text)) {
    const message = "A request or its answer is larger than the database's plan allows. Write or read less at a time.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "not-applied", retry: false };
  }
  if (/max single record size exceeded/i.test(text)) {
    const message = "The conversation is at the size that the database's plan allows for one record. Trim it.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "unknown", retry: false };
  }
  if (/DB capacity quota exceeded|max (?:database|data) size/i.test(text)) {
    const message = "The database is full. Upgrade it, or delete something.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: false };
  }
  const known = explainServerError(text);
  if (known !== undefined) return known;
  const word = /^[A-Z]{2,20}\b/.exec(text)?.[0] ?? "an error";
  const message = `The database answered with ${word}, which the store does not know.`;
  return { code: "UNAVAILABLE", message, outcome: "unknown", retry: false };
}

/** An answer that is no JSON: a page of whatever stands before the database, or a reply that was cut off. */
function explainPage(body: string): Failure {
  // The beginning of an answer may hold content, where any number may stand.
  if (/^\s*[[{]/.test(body)) return unreadable();
  if (/\b413\b|too large/i.test(body)) {
    const message = "A request is larger than what stands before the database lets pass. Write less at a time.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "not-applied", retry: false };
  }
  if (/\b429\b|too many requests/i.test(body)) return throttled();
  if (/\b50[0234]\b|bad gateway|unavailable|time-?out/i.test(body)) {
    return lost("What stands before the database answered with an error page.");
  }
  if (/\b40[134]\b|not found|forbidden|unauthori[sz]ed/i.test(body)) {
    return misconfigured("What answers at the URL is not Upstash's REST API, or refuses to pass requests on.");
  }
  return unreadable();
}

function misconfigured(message: string): Failure {
  return { code: "MISCONFIGURED", message, outcome: "not-applied", retry: false };
}

function throttled(): Failure {
  const message = "The database takes no more requests for now. Try again later.";
  return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true, retryAfterMs: 200 };
}

function lost(message: string): Failure {
  return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
}

function unreadable(): Failure {
  return lost("The database's answer could not be read.");
}
