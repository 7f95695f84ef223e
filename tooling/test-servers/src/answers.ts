import type { HttpFault } from "./http-proxy.js";

// The throttling answers of the services, for emulators that give none: each a fault for `httpProxy`.

function respond(status: number, body: unknown, headers: Record<string, string>): HttpFault {
  return { kind: "respond", answer: { status, headers, body: JSON.stringify(body) } };
}

/** 429, as Upstash and others give it. */
export const tooManyRequests: HttpFault = respond(
  429,
  { error: "ERR max requests limit exceeded" },
  { "Content-Type": "application/json" },
);

/** 503 of Azure's Table Storage. */
export const serverBusy: HttpFault = respond(
  503,
  { "odata.error": { code: "ServerBusy", message: { lang: "en-US", value: "The server is busy." } } },
  { "Content-Type": "application/json;odata=minimalmetadata", DataServiceVersion: "3.0" },
);

function dynamoError(type: string, more: Record<string, unknown> = {}): HttpFault {
  const body = { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: "made by a test", ...more };
  return respond(400, body, { "Content-Type": "application/x-amz-json-1.0" });
}

export const provisionedThroughputExceeded: HttpFault = dynamoError("ProvisionedThroughputExceededException");

/** For a single item that a transaction holds. */
export const transactionConflict: HttpFault = dynamoError("TransactionConflictException");

/** For a transaction, `items` of which one was held by another. */
export function transactionCanceled(items: number): HttpFault {
  const reasons = Array.from({ length: items }, (_, index) => ({ Code: index === 0 ? "TransactionConflict" : "None" }));
  return dynamoError("TransactionCanceledException", { CancellationReasons: reasons });
}
