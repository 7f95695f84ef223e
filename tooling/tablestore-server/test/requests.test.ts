import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { DEFAULT_CREDENTIALS } from "../src/index.js";
import { clientOf, errorOf, started } from "./npm-sdk.js";

// Requests by hand, signed here and not by the code under test.
const { instanceName, accessKeyId, accessKeySecret } = DEFAULT_CREDENTIALS;

const hmac = (text: string) => createHmac("sha1", accessKeySecret).update(text).digest("base64");
const md5 = (body: Uint8Array) => createHash("md5").update(body).digest("base64");
const lines = (headers: Record<string, string>) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}:${value}`)
    .sort()
    .join("\n");

interface Changes {
  path?: string;
  method?: string;
  body?: Uint8Array;
  /** Instead of what it would be. Signed. */
  headers?: Record<string, string>;
  /** Left out or changed after signing. */
  forged?: Record<string, string | undefined>;
}

async function send(url: string, changes: Changes = {}) {
  const { path = "/ListTable", method = "POST", body = new Uint8Array(), headers = {}, forged = {} } = changes;
  const signed = {
    "x-ots-apiversion": "2015-12-31",
    "x-ots-instancename": instanceName,
    "x-ots-accesskeyid": accessKeyId,
    "x-ots-date": new Date().toISOString(),
    "x-ots-contentmd5": md5(body),
    ...headers,
  };
  const signature = hmac(`${path}\nPOST\n\n${lines(signed)}\n`);
  const sent = Object.entries({ ...signed, "x-ots-signature": signature, ...forged });
  const response = await fetch(url + path, {
    method,
    headers: sent.filter((entry): entry is [string, string] => entry[1] !== undefined),
    ...(method === "GET" ? {} : { body: Buffer.from(body) }),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: Object.fromEntries(response.headers), answer };
}

/** Status, code and message of the protobuf message Error. */
function errorIn({ status, answer }: { status: number; answer: Buffer }): string {
  if (status === 200) return "200";
  const code = answer.subarray(2, 2 + (answer[1] as number));
  let [position, length, shift] = [code.length + 3, 0, 0];
  for (; ; position++, shift += 7) {
    const byte = answer[position] as number;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return `${status} ${code}: ${answer.subarray(position + 1, position + 1 + length)}`;
}

test("an answer has its digest, its date and its signature", async () => {
  const { server } = await started();
  const { status, headers, answer } = await send(server.url);
  expect(status).toBe(200);
  const named = Object.entries(headers).filter(([name]) => name.startsWith("x-ots-"));
  expect(named.map(([name]) => name).sort()).toEqual([
    "x-ots-contentmd5",
    "x-ots-contenttype",
    "x-ots-date",
    "x-ots-requestid",
  ]);
  expect(headers["x-ots-contentmd5"]).toBe(md5(answer));
  expect(Math.abs(Date.parse(headers["x-ots-date"] ?? "") - Date.now())).toBeLessThan(60_000);
  const signature = hmac(`${lines(Object.fromEntries(named))}\n/ListTable`);
  expect(headers.authorization).toBe(`OTS ${accessKeyId}:${signature}`);
});

test("a request that is not signed, or not for this instance, time and body, is refused", async () => {
  const { server } = await started();
  const refused = async (changes: Changes) => errorIn(await send(server.url, changes));
  expect(await refused({ forged: { "x-ots-signature": undefined } })).toBe(
    "400 OTSParameterInvalid: Missing header: 'x-ots-signature'.",
  );
  expect(await refused({ forged: { "x-ots-signature": hmac("other") } })).toBe(
    "403 OTSAuthFailed: Signature mismatch.",
  );
  expect(await refused({ forged: { "x-ots-added": "1" } })).toBe("403 OTSAuthFailed: Signature mismatch.");
  expect(await refused({ headers: { "x-ots-accesskeyid": "other" } })).toBe(
    "403 OTSAuthFailed: The AccessKeyID does not exist.",
  );
  expect(await refused({ headers: { "x-ots-instancename": "other" } })).toBe(
    "403 OTSAuthFailed: The instance is not found.",
  );
  expect(await refused({ headers: { "x-ots-contentmd5": md5(Buffer.of(1)) } })).toBe(
    "403 OTSAuthFailed: Mismatch between MD5 value of request body and x-ots-contentmd5 in header.",
  );
  expect(await refused({ headers: { "x-ots-date": "yesterday" } })).toBe(
    "400 OTSParameterInvalid: Invalid date format: yesterday.",
  );
  for (const minutes of [-16, 16]) {
    const date = new Date(Date.now() + minutes * 60_000).toISOString();
    expect(await refused({ headers: { "x-ots-date": date } })).toBe(
      `403 OTSAuthFailed: Mismatch between system time and x-ots-date: ${date}.`,
    );
  }
});

test("only POST of an operation that there is, and of a message, is done", async () => {
  const { server } = await started();
  const refused = async (changes: Changes) => errorIn(await send(server.url, changes));
  expect(await refused({ method: "GET" })).toMatch(/^405 OTSMethodNotAllowed: /);
  expect(await refused({ path: "/Search" })).toBe("400 OTSParameterInvalid: Unsupported operation: 'Search'.");
  expect(await refused({ path: "/toString" })).toBe("400 OTSParameterInvalid: Unsupported operation: 'toString'.");
  const garbage = { path: "/DescribeTable", body: Buffer.from([0x0a, 0x7f]) };
  expect(await refused(garbage)).toBe("400 OTSParameterInvalid: Parse PBMessage from RawString failed.");
});

test("a request for something that this server does not know is refused, not ignored", async () => {
  const { server } = await started();
  // A field with the number 15 that no DescribeTableRequest has.
  const body = Buffer.from([0x0a, 0x01, 0x74, 0x78, 0x01]);
  expect(errorIn(await send(server.url, { path: "/DescribeTable", body }))).toMatch(/does not know all fields/);
  // BatchWriteRow with is_atomic, which the npm SDK can't ask for.
  const atomic = { path: "/BatchWriteRow", body: Buffer.from([0x18, 0x01]) };
  expect(errorIn(await send(server.url, atomic))).toMatch(/does not support atomic batches/);
});

test("a body that is too large is answered, not cut off", async () => {
  const { server } = await started({ limits: { requestBodyBytes: 1_000 } });
  expect((await send(server.url, { body: Buffer.alloc(1_000) })).status).not.toBe(413);
  expect(errorIn(await send(server.url, { body: Buffer.alloc(1_001) }))).toBe(
    "413 OTSRequestBodyTooLarge: The size of POST data is too large.",
  );
});

test("a security token has to be brought, where there is one", async () => {
  const { server, client } = await started({ securityToken: "token" });
  expect((await errorOf(client.listTable({}))).code).toBe("OTSAuthFailed");
  await clientOf(server, { stsToken: "token" }).listTable({});
});

test("a wrong secret is refused", async () => {
  const { server } = await started();
  const wrong = clientOf(server, { secretAccessKey: "wrong" });
  expect(await errorOf(wrong.listTable({}))).toEqual({
    code: "OTSAuthFailed",
    message: "Signature mismatch.",
    status: 403,
  });
});
