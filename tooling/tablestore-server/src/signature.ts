import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { authFailed, parameterInvalid } from "./errors.js";

export interface Credentials {
  readonly instanceName: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Where it is given, every request has to bring it (x-ots-ststoken). */
  readonly securityToken?: string;
}

export interface SignedRequest {
  /** With the slash: "/GetRow". */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const API_VERSION = "2015-12-31";

const REQUIRED = [
  "x-ots-apiversion",
  "x-ots-date",
  "x-ots-accesskeyid",
  "x-ots-instancename",
  "x-ots-contentmd5",
  "x-ots-signature",
] as const;

const hmac = (secret: string, text: string) => createHmac("sha1", secret).update(text).digest("base64");

export const md5 = (body: Uint8Array) => createHash("md5").update(body).digest("base64");

function headerLines(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  return Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), String(value).trim()] as const)
    .filter(([name]) => name.startsWith("x-ots-") && name !== "x-ots-signature")
    .map(([name, value]) => `${name}:${value}`)
    .sort()
    .join("\n");
}

function requestSignature(path: string, headers: IncomingHttpHeaders, secret: string): string {
  return hmac(secret, `${path}\nPOST\n\n${headerLines(headers)}\n`);
}

/** The value of `authorization` in an answer with these headers. */
export function responseAuthorization(
  path: string,
  headers: Readonly<Record<string, string>>,
  { accessKeyId, accessKeySecret }: Credentials,
): string {
  return `OTS ${accessKeyId}:${hmac(accessKeySecret, `${headerLines(headers)}\n${path}`)}`;
}

function equal(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}

/** Throws what the service answers to a request that is not signed by these credentials, at this time, for this body. */
export function checkRequest(request: SignedRequest, credentials: Credentials, now: number, skewSeconds: number): void {
  const header = (name: string) => request.headers[name];
  for (const name of REQUIRED) if (header(name) === undefined) throw parameterInvalid(`Missing header: '${name}'.`);
  if (header("x-ots-apiversion") !== API_VERSION) {
    throw parameterInvalid(`Unsupported API version: '${header("x-ots-apiversion")}'.`);
  }
  const date = String(header("x-ots-date"));
  const time = Date.parse(date);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(date) || Number.isNaN(time)) {
    throw parameterInvalid(`Invalid date format: ${date}.`);
  }
  if (header("x-ots-accesskeyid") !== credentials.accessKeyId) throw authFailed("The AccessKeyID does not exist.");
  if (header("x-ots-instancename") !== credentials.instanceName) throw authFailed("The instance is not found.");
  if (Math.abs(time - now) > skewSeconds * 1000) {
    throw authFailed(`Mismatch between system time and x-ots-date: ${date}.`);
  }
  if (header("x-ots-contentmd5") !== md5(request.body)) {
    throw authFailed("Mismatch between MD5 value of request body and x-ots-contentmd5 in header.");
  }
  if (credentials.securityToken !== undefined && header("x-ots-ststoken") !== credentials.securityToken) {
    throw authFailed("The security token is invalid.");
  }
  const expected = requestSignature(request.path, request.headers, credentials.accessKeySecret);
  if (!equal(String(header("x-ots-signature")), expected)) throw authFailed("Signature mismatch.");
}
