import { createHash } from "node:crypto";
import type { ReadContext } from "@chatkeep/chat-store-core/backend";
import type { ClientMethod, TablestoreClientLike } from "./sdk.js";

/** What went wrong with a request, told apart as far as the SDK and its connection tell. */
export class RequestFailed extends Error {
  readonly operation: ClientMethod;
  /** The service's own code, as in "OTSServerBusy"; "" when the service did not answer, or not in its language. */
  readonly code: string;
  /** Of the answer; 0 when there was none. */
  readonly status: number;
  /** The service's or the SDK's text. May quote anything: never passed on. */
  readonly text: string;

  constructor(operation: ClientMethod, told: { code?: string; status?: number; text: string }) {
    super(`${operation} failed`);
    this.operation = operation;
    this.code = told.code ?? "";
    this.status = told.status ?? 0;
    this.text = told.text;
  }
}

/** What the SDK calls a response, as far as it is used. */
interface SdkResponse {
  retryCount: number;
  httpResponse: {
    statusCode?: number | undefined;
    headers: Record<string, string | undefined>;
    body?: Uint8Array | undefined;
    stream?:
      | {
          complete: boolean;
          once(event: "close", listener: () => void): void;
          on(event: "readable", listener: () => void): void;
          read(bytes: number): unknown;
        }
      | undefined;
  };
}

/** What a call with a callback answers. */
interface SdkRequest {
  response: SdkResponse;
  httpRequest: { stream?: { destroy(): void } | undefined };
  on(event: "httpHeaders", listener: (status: number, headers: unknown, response: SdkResponse) => void): void;
}

type SdkCall = (
  params: unknown,
  callback: (this: SdkResponse, error: unknown, data: unknown) => void,
) => SdkRequest | undefined;

export interface Sending {
  client: TablestoreClientLike;
  /** Of one request, in milliseconds: until its answer begins, and then until it ends. Bytes add to it. */
  timeoutMs: number;
  /** Is told the time that the service's answer bears, whatever it answers. */
  note: (date: string | undefined, sent: number) => void;
}

/** 100 KB a second: of a line that is slower than that the service's limits can't be used. */
const slowestBytesPerMs = 100;

/**
 * Sends one request through the SDK, once. `bytes` is about its size, where that counts. The SDK by itself has no deadline,
 * waits for ever for the rest of an answer that is cut off, repeats reads as often as a setting of the whole process says,
 * and never reads an error's code.
 */
export function send<Answer>(
  { client, timeoutMs, note }: Sending,
  operation: ClientMethod,
  params: object,
  { signal }: Pick<ReadContext, "signal">,
  bytes = 0,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = Date.now();
    let request: SdkRequest | undefined;
    const fail = (text: string, told: { code?: string; status?: number } = {}) => {
      cleanUp();
      reject(new RequestFailed(operation, { ...told, text }));
    };
    const giveUp = (text: string) => {
      fail(text);
      request?.httpRequest.stream?.destroy();
    };
    const onAbort = () => giveUp("aborted");
    const waitFor = (bytes: number) =>
      setTimeout(() => giveUp("no answer in time"), timeoutMs + bytes / slowestBytesPerMs);
    let timer: ReturnType<typeof setTimeout> | undefined = waitFor(bytes);
    const cleanUp = () => {
      clearTimeout(timer);
      timer = undefined;
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });

    try {
      request = (client[operation] as unknown as SdkCall).call(client, params, function (error, data) {
        const { headers = {}, statusCode = 0, body } = this.httpResponse;
        note(headers["x-ots-date"] ?? headers.date, sent);
        if (error !== null && error !== undefined) {
          const text = textOf(error);
          return fail(text, { code: /OTS[A-Za-z]+/.exec(text)?.[0] ?? "", status: statusCode });
        }
        if (!isWhole(headers["x-ots-contentmd5"], body)) return fail("not as it was sent", { status: statusCode });
        cleanUp();
        resolve(data as Answer);
      });
    } catch (error) {
      return fail(textOf(error));
    }
    if (request?.response === undefined) return;
    // Its own count of retries is used up from the start: the setting for that is the whole process's.
    request.response.retryCount = Number.MAX_SAFE_INTEGER;
    request.on("httpHeaders", (_status, _headers, { httpResponse: { headers, stream } }) => {
      if (timer !== undefined) {
        clearTimeout(timer);
        timer = waitFor(Number(headers["content-length"] ?? 0));
      }
      // The SDK reads once each time that there is something; Deno then fetches no more by itself (2.9.6).
      stream?.on("readable", () => setImmediate(() => stream.read(0)));
      stream?.once("close", () => {
        if (!stream.complete) giveUp("cut off");
      });
    });
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? String(error.message) : "";
}

/** The SDK compares no digests, and half an answer may read as one without a row. */
function isWhole(digest: string | undefined, body: Uint8Array = new Uint8Array()): boolean {
  return digest === undefined || digest === createHash("md5").update(body).digest("base64");
}
