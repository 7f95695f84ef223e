import type { Failure } from "@chatkeep/chat-store-core/backend";
import { RequestFailed } from "./send.js";

/**
 * Refused before anything was done, for a passing reason. "Error codes", and the SDKs' own retry policies, which repeat
 * writes too when they get one of these.
 */
const refused: Record<string, string> = {
  OTSRowOperationConflict: "Somebody else was writing the same row.",
  OTSNotEnoughCapacityUnit: "The reserved capacity of the table is used up.",
  OTSOperationThrottled: "Tablestore throttles: the table, its partition or the instance is at its limit.",
  OTSServerBusy: "Tablestore is busy.",
  // "Error codes" says No under Retry, and to ask the support: while the rate is too high, which passes.
  OTSFlowControl: "Tablestore throttles: requests come too fast.",
  // "Read and write throughput": to be repeated with a backoff.
  OTSCapacityUnitExhausted: "A partition of the table is at its limit.",
  OTSPartitionUnavailable: "A partition of the table is being moved or loaded.",
  OTSTableNotReady: "The table was made or changed a moment ago and can't be used yet.",
};

/** The connection never came about, so nothing was sent. EHOSTUNREACH can also come while an answer is awaited. */
const notConnected = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ERR_TLS|CERT_|certificate/;

/** Whether the same request may succeed if sent again. */
export function isPassing(failure: RequestFailed): boolean {
  return classify(failure, "").retry;
}

/** What an error of the SDK means, for a table of this name. No text of the service's own is passed on: it may quote content. */
export function explainer(table: string): (error: unknown) => Failure {
  return (error) => (error instanceof RequestFailed ? classify(error, table) : unknown);
}

const unknown: Failure = {
  code: "UNAVAILABLE",
  message: "The store or the SDK failed in a way that is not known.",
  outcome: "unknown",
  retry: false,
};

function classify({ code, status, text, operation }: RequestFailed, table: string): Failure {
  const action = `ots:${operation.charAt(0).toUpperCase()}${operation.slice(1)}`;
  const passing = refused[code];
  if (passing !== undefined) return unavailable(`${passing} Try again later.`, "not-applied");
  switch (code) {
    case "OTSQuotaExhausted":
      if (/too frequent/i.test(text)) {
        return unavailable("Tables are being made or looked at too often. Try again later.", "not-applied");
      }
      return misconfigured("A quota of the Tablestore instance is used up: see its limits, or have them raised.");
    case "OTSObjectNotExist":
      return misconfigured(
        `There is no table ${table}, or none of its rows' table. Make them with \`await store.setup()\`, or correct tableName or instanceName.`,
      );
    case "OTSAuthFailed":
      return misconfigured(explainAuthentication(text));
    case "OTSNoPermissionAccess":
      return misconfigured(
        `The credentials are not allowed ${action} on table ${table}. See the README for the RAM policy that the store needs.`,
      );
    case "OTSInvalidPK":
      return misconfigured(
        `Table ${table} has another primary key than this layout: check tableName and layout, or take another table.`,
      );
    case "OTSRequestBodyTooLarge":
      return tooLarge;
    case "OTSParameterInvalid":
      if (/(?:length|size|exceed|maximum|too large|too long)/i.test(text) && /column|value|row|cell/i.test(text)) {
        return tooLarge;
      }
      return misconfigured(
        `Tablestore refused ${action} on table ${table} as invalid. Check tableName, layout and the table's primary key.`,
      );
    case "OTSTimeout":
    case "OTSInternalServerError":
    case "OTSServerUnavailable":
      return unavailable(`Tablestore failed by itself (${code}). Try again later.`, "unknown");
  }
  if (status === 413) return tooLarge;
  if (/expect CompositeCondition|Unsupported (?:primary key|column) type/.test(text)) {
    return misconfigured(
      "The client is of another copy of the package `tablestore` than the store's own: have one copy installed (`npm dedupe`).",
    );
  }
  if (status === 0 && notConnected.test(text)) {
    return unavailable("Tablestore can't be reached. Check endpoint, network and certificates.", "not-applied");
  }
  if (status === 0) return unavailable("The connection to Tablestore broke, or no answer came in time.", "unknown");
  if (status >= 500) return unavailable(`Tablestore, or the way to it, failed (HTTP ${status}).`, "unknown");
  if (status >= 400) {
    const what = code === "" ? `HTTP ${status}` : code;
    const message = `Tablestore, or the way to it, refused ${action} on table ${table} with ${what}.`;
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: false };
  }
  return unavailable("Tablestore's answer could not be read.", "unknown");
}

const tooLarge: Failure = {
  code: "MESSAGE_TOO_LARGE",
  message: "The request is larger than Tablestore takes: 2 MB in a column, 4 MB in a row. Write less at a time.",
  outcome: "not-applied",
  retry: false,
};

/** "Error codes", OTSAuthFailed: one code for all of these. */
function explainAuthentication(text: string): string {
  if (/x-ots-date|system time/i.test(text)) return "This machine's clock is wrong: Tablestore refuses what it signs.";
  if (/instance/i.test(text)) {
    return "There is no such Tablestore instance, it does not run, or it is not this account's. Check endpoint and instanceName.";
  }
  return "Tablestore does not accept the access key: it is wrong, disabled or expired. Check accessKeyId, accessKeySecret and securityToken.";
}

function unavailable(message: string, outcome: Failure["outcome"]): Failure {
  return { code: "UNAVAILABLE", message, outcome, retry: true };
}

function misconfigured(message: string): Failure {
  return { code: "MISCONFIGURED", message, outcome: "not-applied", retry: false };
}
