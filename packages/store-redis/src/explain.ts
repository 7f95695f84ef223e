import type { Failure } from "@chatkeep/chat-store-core/backend";
import { explainDriverError, explainServerError } from "@chatkeep/redis-layouts";
import { ClientClosed, ConnectionLost, NoReply, NotConnected, TooFewReplicas } from "./failures.js";

/** What an error of ioredis looks like, as far as it is looked at. */
interface ClientError {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  /** Of a Cluster that could ask none of its nodes. */
  lastNodeError?: unknown;
}

/** Refused by one side's TLS. */
const tlsCode = /^(?:ERR_TLS|ERR_SSL|SELF_SIGNED|DEPTH_ZERO|CERT_|UNABLE_TO|EPROTO|HOSTNAME_MISMATCH)/;

/** What an error of ioredis means. No text of Redis' own is passed on: it may quote content. */
export function explain(error: unknown): Failure {
  if (error instanceof NotConnected) return explainNotConnected(error.reason);
  if (error instanceof ClientClosed) {
    const message = "The client that was handed in is closed. Make a new one, and a store on it.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: false };
  }
  if (error instanceof ConnectionLost || error instanceof NoReply) return lost(error.message);
  if (error instanceof TooFewReplicas) {
    const message = `Only ${error.replicas} replicas confirmed in time that they have it, fewer than minReplicas.`;
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
  }
  return explainDriverError(error) ?? explainClientError(error);
}

function explainClientError(thrown: unknown): Failure {
  const error: ClientError = typeof thrown === "object" && thrown !== null ? thrown : {};
  const name = String(error.name ?? "");
  const text = String(error.message ?? "");
  if (name === "ReplyError") {
    const known = explainServerError(text);
    if (known !== undefined) return known;
    const word = /^[A-Z]{2,20}\b/.exec(text)?.[0] ?? "an error";
    const message = `Redis answered with ${word}, which the store does not know.`;
    return { code: "UNAVAILABLE", message, outcome: "unknown", retry: false };
  }
  if (/enableOfflineQueue/.test(text)) {
    const message = "The connection to Redis was lost before the request was sent.";
    return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
  }
  // "Too many Cluster redirections. Last error: …": each was refused, or its connection lost.
  if (/redirections/i.test(text))
    return lost("The Redis Cluster sent the request from node to node, or had none for it.");
  return lost("The connection to Redis was lost before it answered.");
}

function lost(message: string): Failure {
  return { code: "UNAVAILABLE", message, outcome: "unknown", retry: true };
}

function explainNotConnected(reason: unknown): Failure {
  const error: ClientError = typeof reason === "object" && reason !== null ? reason : {};
  if (error.lastNodeError !== undefined) return explainNotConnected(error.lastNodeError);
  const text = String(error.message ?? "");
  const code = String(error.code ?? "");
  const known = String(error.name) === "ReplyError" ? explainServerError(text) : undefined;
  if (known !== undefined) return { ...known, outcome: "not-applied" };
  if (tlsCode.test(code) || /certificate|wrong version number/i.test(text)) {
    const message =
      "TLS to Redis did not come about: check rediss:// or redis://, and the certificate authority in redisOptions.tls.";
    return { code: "MISCONFIGURED", message, outcome: "not-applied", retry: false };
  }
  const what = /^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : "";
  const sentinel = /sentinel/i.test(text) ? " No Sentinel knows a primary of this name, or none can be reached." : "";
  const message = `Redis can't be reached${what}.${sentinel} Check the address, whether it runs, and TLS.`;
  return { code: "UNAVAILABLE", message, outcome: "not-applied", retry: true };
}
