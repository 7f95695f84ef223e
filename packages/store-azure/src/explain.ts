import type { Failure } from "@chatkeep/chat-store-core/backend";

/** An answer to a transaction that says nothing of what became of it. */
export class Unanswered extends Error {}

/** Of a write without a condition: somebody else was at the same entity. */
export class Refused extends Error {}

/** What an error of the SDK looks like, as far as it is looked at. */
interface SdkError {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  statusCode?: unknown;
  /** The answer's JSON, where it is an error of a single operation. */
  details?: { code?: unknown; odataError?: { code?: unknown } | undefined } | undefined;
  response?: { headers?: { get?: (name: string) => string | undefined } | undefined } | undefined;
}

/** How often the SDK sent what failed in the end. */
const tries = new WeakMap<object, number>();

export function noteTries(error: unknown, sent: number): unknown {
  if (typeof error === "object" && error !== null) tries.set(error, sent);
  return error;
}

export function statusOf(error: unknown): number {
  return Number(sdkError(error).statusCode ?? 0);
}

/** "Table service error codes". Cosmos has some of its own. */
export function codeOf(error: unknown): string {
  const { code, details } = sdkError(error);
  // Of a single operation it is only in the answer's body.
  return String(details?.odataError?.code ?? details?.code ?? code ?? "");
}

function sdkError(error: unknown): SdkError {
  return typeof error === "object" && error !== null ? error : {};
}

/** The connection never came about, so nothing was sent. EHOSTUNREACH can also come while an answer is awaited. */
const notConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

const tooLarge = new Set([
  "EntityTooLarge",
  "PropertyValueTooLarge",
  "RequestBodyTooLarge",
  "RequestEntityTooLarge",
  "TooManyProperties",
]);

/** What an error of the SDK means, for tables of these names. No text of the service's own is passed on: it may quote content. */
export function explainer(tables: string): (error: unknown) => Failure {
  return (error) => {
    const failure = classify(error, tables);
    const sent = typeof error === "object" && error !== null ? tries.get(error) : undefined;
    if (sent === 0) return { ...failure, outcome: "not-applied" };
    // One of the SDK's own tries may have been applied although the last one was refused.
    return sent !== undefined && sent > 1 ? { ...failure, outcome: "unknown" } : failure;
  };
}

function classify(error: unknown, tables: string): Failure {
  const status = statusOf(error);
  const code = codeOf(error);
  const name = String(sdkError(error).name ?? "");

  if (error instanceof Refused) {
    const message = "Somebody else was changing the same entity. Try again.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
  }
  if (status === 429 || status === 449) {
    const message = "Cosmos DB throttles: the requests take more request units than the table has. Try again later.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true, retryAfterMs: retryAfter(error) };
  }
  if (code === "TableNotFound") {
    return misconfigured(
      `There is no table ${tables} in this account. Make it with \`await store.setup()\`, or correct its name or the endpoint.`,
    );
  }
  if (code === "TableBeingDeleted") {
    const message = `A table of this name (${tables}) is being deleted, which takes a while. Try again later.`;
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true, retryAfterMs: 1_000 };
  }
  if (status === 401 || status === 403) {
    const denied = /Permission|Authorization(?!Failed|Failure)|Forbidden/i.test(code);
    const message = denied
      ? `The credentials may not do this on table ${tables}. See the README for the roles and permissions that the store needs.`
      : `The account takes the credentials for nothing, or not for table ${tables}: a wrong key or account, a SAS that has expired or is for another table, a role that is missing, or this machine's clock is wrong.`;
    return misconfigured(message);
  }
  if (status === 413 || tooLarge.has(code)) {
    const message = "The request is larger than the service takes. Write less at a time.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "not-applied", retry: false };
  }
  if (notConnected.has(code)) {
    const message = `The service can't be reached (${code}). Check the endpoint and the network.`;
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
  }
  if (status === 408 || status >= 500 || code === "OperationTimedOut") {
    // "Table service error codes", OperationTimedOut: it may have succeeded on the server.
    const busy =
      code === "ServerBusy" ? "The service is busy: the table, its partition or the account is at its limit." : "";
    const message = `${busy || `The service failed by itself (HTTP ${status}).`} Try again later.`;
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true, retryAfterMs: retryAfter(error) };
  }
  if (status >= 400) {
    const what = /^\w{1,60}$/.test(code) ? code : `HTTP ${status}`;
    const message = `The service refused a request on table ${tables} (${what}). Check serviceMode, layout and the endpoint.`;
    return misconfigured(message);
  }
  if (name === "AuthenticationError" || name === "CredentialUnavailableError" || /Credential/.test(name)) {
    return misconfigured("There was no token: the credential that was handed in failed. Check its configuration.");
  }
  // Broken off, timed out, cut off or garbled: whatever it was, it may have come through.
  const what = /^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : "";
  const message = `The connection to the service broke or timed out before it answered${what}.`;
  return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
}

function misconfigured(message: string): Failure {
  return { code: "MISCONFIGURED", message, outcome: "not-applied", retry: false };
}

/** How long the service asks to wait, in milliseconds. */
export function retryAfter(error: unknown): number | undefined {
  const { response } = sdkError(error);
  const header = (name: string) => Number(response?.headers?.get?.(name) ?? Number.NaN);
  const milliseconds = [header("retry-after-ms"), header("x-ms-retry-after-ms"), header("retry-after") * 1000];
  const asked = milliseconds.find((each) => each >= 0);
  return asked === undefined ? undefined : Math.min(asked, 20_000);
}
