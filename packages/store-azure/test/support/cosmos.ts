import type { HttpFault, HttpRequest } from "@chatkeep/test-servers";
import { seededRandom } from "@chatkeep/test-servers";

// Cosmos DB for Table can't be run here. These make an Azurite behave as its documentation says where it differs.

/** "Request rate too large", as Cosmos answers it. */
export function tooManyRequests(retryAfterSeconds: number): HttpFault {
  const body = { "odata.error": { code: "TooManyRequests", message: { lang: "en-us", value: "made by a test" } } };
  const headers = { "Content-Type": "application/json", "Retry-After": String(retryAfterSeconds) };
  return { kind: "respond", answer: { status: 429, headers, body: JSON.stringify(body) } };
}

/** "Azure Cosmos DB for Table limits": transactions of 2 MB, RowKeys of 255 bytes. */
const transactionBytes = 2 * 1024 * 1024;
const rowKeyBytes = 255;

function refusal(code: string): HttpFault {
  const body = { "odata.error": { code, message: { lang: "en-us", value: "made by a test" } } };
  return {
    kind: "respond",
    answer: { status: 400, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
  };
}

/** Entities in no order, in pages of a few, and Cosmos's limits; a share of requests, `throttled`, is answered with 429. */
export function asCosmos(seed: number, pageSize: number, throttled = 0) {
  const random = seededRandom(seed);
  return (request: HttpRequest): HttpFault | undefined => {
    if (random() < throttled) return tooManyRequests(0);
    if (request.url.endsWith("$batch")) {
      if (request.body.length > transactionBytes) return refusal("RequestEntityTooLarge");
      if (rowKeysOf(request.body.toString()).some((rowKey) => rowKey > rowKeyBytes)) return refusal("KeyValueTooLarge");
      return undefined;
    }
    if (rowKeysOf(`${decodeURIComponent(request.url)} ${request.body}`).some((rowKey) => rowKey > rowKeyBytes)) {
      return refusal("KeyValueTooLarge");
    }
    if (request.method !== "GET" || !request.url.includes("filter=")) return undefined;
    return {
      kind: "rewrite",
      request: ({ url }) => ({ url: withTop(url, pageSize) }),
      reply({ body }) {
        const page = JSON.parse(body.toString()) as { value?: unknown[] };
        if (!Array.isArray(page.value)) return {};
        const shuffled = page.value
          .map((entity) => ({ entity, place: random() }))
          .sort((a, b) => a.place - b.place)
          .map(({ entity }) => entity);
        return { body: Buffer.from(JSON.stringify({ ...page, value: shuffled })) };
      },
    };
  };
}

function withTop(url: string, most: number): string {
  const top = /([?&](?:\$|%24)top=)(\d+)/;
  if (!top.test(url)) return `${url}&%24top=${most}`;
  return url.replace(top, (_, name: string, value: string) => `${name}${Math.min(Number(value), most)}`);
}

/** Lengths of the RowKeys that a request names. */
function rowKeysOf(text: string): number[] {
  const named = [...text.matchAll(/RowKey='((?:[^']|'')*)'/g), ...text.matchAll(/"RowKey":"((?:[^"\\]|\\.)*)"/g)];
  return named.map(([, rowKey = ""]) => Buffer.byteLength(decodeURIComponent(rowKey)));
}
