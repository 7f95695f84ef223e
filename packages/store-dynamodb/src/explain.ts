import type { Failure } from "@chatkeep/chat-store-core/backend";

/** What DynamoDB did not process of a batch although it was asked again and again. */
export class Unprocessed extends Error {}

/** What an error of the SDK looks like, as far as it is looked at. */
interface SdkError {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  $metadata?: { httpStatusCode?: unknown; attempts?: unknown } | undefined;
  $response?: { headers?: Record<string, unknown> | undefined } | undefined;
}

/** Asked too fast. API reference, Common Errors, and "Error handling with DynamoDB". */
const throttling = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "TooManyRequestsException",
  "RequestThrottled",
  "RequestThrottledException",
  "LimitExceededException",
  "SlowDown",
]);

/** Somebody else was at the same item, or at the table. */
const conflicts = new Set([
  "TransactionConflictException",
  "TransactionInProgressException",
  "ReplicatedWriteConflictException",
  "ResourceInUseException",
]);

const denied = new Set([
  "AccessDeniedException",
  "AccessDenied",
  "NotAuthorized",
  "OptInRequired",
  "KMSAccessDeniedException",
  "AccessDeniedByKmsException",
]);

const badCredentials = new Set([
  "CredentialsProviderError",
  "ProviderError",
  "TokenProviderError",
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "IncompleteSignature",
  "IncompleteSignatureException",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "ExpiredToken",
  "ExpiredTokenException",
]);

/** The connection never came about, so nothing was sent. EHOSTUNREACH can also come while an answer is awaited. */
const notConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

const brokenConnection = new Set([
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_SOCKET_CONNECTION_TIMEOUT",
  "ERR_STREAM_PREMATURE_CLOSE",
  "HPE_INVALID_CONSTANT",
  "UND_ERR_SOCKET",
]);

/** What an error of the SDK means, for a table of this name. No text of the service's own is passed on: it may quote content. */
export function explainer(tableName: string): (error: unknown) => Failure {
  const table = tableName.slice(tableName.lastIndexOf("/") + 1);
  return (error) => {
    const failure = classify(error, table);
    // One of the SDK's own tries may have been applied although the last one was refused.
    const sentBefore = Number((error as SdkError | undefined)?.$metadata?.attempts ?? 1) > 1;
    return sentBefore ? { ...failure, outcome: "unknown" } : failure;
  };
}

function classify(thrown: unknown, table: string): Failure {
  if (thrown instanceof Unprocessed) {
    const message = "DynamoDB left a part of a batch undone again and again. The table or its partition is overloaded.";
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
  }
  const error: SdkError = typeof thrown === "object" && thrown !== null ? thrown : {};
  const name = String(error.name ?? "");
  const text = String(error.message ?? "");
  const code = String(error.code ?? "");
  const status = Number(error.$metadata?.httpStatusCode ?? 0);

  if (throttling.has(name)) {
    const message = "DynamoDB throttles: the table, its partition or the account is at its limit. Try again later.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true, retryAfterMs: retryAfter(error) };
  }
  if (conflicts.has(name)) {
    const message = "Somebody else was changing the same item. Try again.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
  }
  if (name === "ResourceNotFoundException") {
    return misconfigured(
      `There is no table ${table} in this account and region. Make it with \`await store.setup()\`, or correct tableName, region or credentials.`,
    );
  }
  if (denied.has(name)) {
    const action = /\b(?:dynamodb|kms):[A-Za-z]+/.exec(text)?.[0];
    const advice =
      action === "dynamodb:DescribeTable"
        ? "Allow it, or say which `layout` the table has, so that the table need not be asked."
        : "See the README for the IAM actions that the store needs.";
    return misconfigured(`The credentials are not allowed ${action ?? "to do this"} on table ${table}. ${advice}`);
  }
  // The SDK corrects its clock by the reply, so that the next try may succeed.
  if (
    /^(?:RequestTimeTooSkewed|RequestExpired|RequestInTheFuture)$/.test(name) ||
    /signature (?:expired|not yet)/i.test(text)
  ) {
    return { ...misconfigured("This machine's clock is wrong: DynamoDB refuses what it signs."), retry: true };
  }
  if (badCredentials.has(name)) {
    return misconfigured(
      "There are no AWS credentials, or they are wrong or expired. Give `credentials` or `profile`, or set them up as for any AWS SDK.",
    );
  }
  if (/^Region is missing|^Invalid value for region|region.*(?:required|missing)/i.test(text) && status === 0) {
    return misconfigured("There is no AWS region. Give `region`, or set AWS_REGION.");
  }
  if (name === "ValidationException") return explainValidation(text, table);
  if (status === 413 || name === "RequestEntityTooLargeException" || /request size/i.test(text)) {
    const message = "The request is larger than DynamoDB takes. Write less at a time.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "not-applied", retry: false };
  }
  if (notConnected.has(code)) {
    const message = `DynamoDB can't be reached (${code}). Check region, endpoint and network.`;
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
  }
  if (brokenConnection.has(code) || name === "TimeoutError" || /socket hang up|aborted|EOF|premature/i.test(text)) {
    const message = "The connection to DynamoDB broke or timed out before it answered.";
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
  }
  if (status >= 500 || /^InternalServer(?:Error|Exception|Failure)|^ServiceUnavailable/.test(name)) {
    // "Error handling with DynamoDB": a write that got HTTP 500 may have succeeded or failed.
    const message = `DynamoDB failed by itself${status > 0 ? ` (HTTP ${status})` : ""}. Try again later.`;
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true, retryAfterMs: retryAfter(error) };
  }
  if (name === "SyntaxError" || (status >= 200 && status < 300)) {
    // A reply that is cut off or garbled.
    const message = "DynamoDB's answer could not be read.";
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
  }
  const what = /^[\w.]{1,80}$/.test(name) ? name : "an unknown error";
  const message = `DynamoDB, or the way to it, failed with ${what}${status > 0 ? ` (HTTP ${status})` : ""}.`;
  return { code: "UNAVAILABLE", message, outcome: status >= 400 ? "not-applied" : "unknown", retry: false };
}

function explainValidation(text: string, table: string): Failure {
  if (/item size/i.test(text)) {
    const message = "An item would be larger than the 400 KB that DynamoDB holds.";
    return { code: "MESSAGE_TOO_LARGE", message, outcome: "not-applied", retry: false };
  }
  if (/specified index|non-?existent index|index.*not/i.test(text)) {
    return misconfigured(
      `Table ${table} lacks an index that the layout "chatkeep" needs. \`await store.setup()\` adds it.`,
    );
  }
  if (/key element|conditions on the keys|required keys|missing the key|key condition|key schema/i.test(text)) {
    return misconfigured(
      `Table ${table} has another key schema than this layout: check primaryKey and layout, or leave layout out.`,
    );
  }
  const message = `DynamoDB refused a request on table ${table} as invalid. Check primaryKey and ttlAttribute.`;
  return { ...misconfigured(message) };
}

function misconfigured(message: string): Failure {
  return { code: "MISCONFIGURED", message, outcome: "not-applied", retry: false };
}

function retryAfter(error: SdkError): number | undefined {
  const headers = error.$response?.headers ?? {};
  const milliseconds = Number(headers["x-amz-retry-after"] ?? Number.NaN);
  if (milliseconds >= 0) return Math.min(milliseconds, 20_000);
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds * 1000, 20_000) : undefined;
}
