import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Doubtful, Readings } from "./doubtful.js";
import { parameterInvalid, ServiceError } from "./errors.js";
import { FaultPlan, type ReceivedRequest, type ReceivedRow } from "./faults.js";
import { Journal } from "./journal.js";
import { DOCUMENTED_LIMITS, type Limits } from "./limits.js";
import { type Handlers, handlers } from "./operations.js";
import { type Credentials, checkRequest, md5, responseAuthorization } from "./signature.js";
import { Engine } from "./table/engine.js";
import { decodeRequest, encodeError, encodeResponse, type OperationName } from "./wire/messages.js";

export interface TablestoreServerOptions extends Partial<Credentials> {
  /** On loopback. 0 (the default): any that is free. */
  readonly port?: number;
  /** Where the tables are kept on disk. In memory only if it is not given. */
  readonly directory?: string;
  readonly limits?: Partial<Limits>;
  /** What the server refuses because the service's answer is unknown, and is to do after all. */
  readonly accept?: readonly Doubtful[];
  /** How long after its creation a table can't be used. 100 by default. */
  readonly tableReadyMs?: number;
  /** The time of what is stored: timestamps of cells, and their expiry. Milliseconds. */
  readonly now?: () => number;
  /** The time of requests and answers, of a new table's readiness, and of the limit on table operations. */
  readonly wallNow?: () => number;
  /** At least 0, below 1. Decides the order of what has none. */
  readonly random?: () => number;
}

export interface TablestoreServer extends Credentials {
  readonly url: string;
  readonly port: number;
  /** What is to go wrong with whole requests, and with rows of batches. */
  readonly faults: FaultPlan<ReceivedRequest>;
  readonly rowFaults: FaultPlan<ReceivedRow>;
  /** Ends open connections. What is on disk stays. */
  close(): Promise<void>;
}

export const DEFAULT_CREDENTIALS: Credentials = {
  instanceName: "chatkeep",
  accessKeyId: "test-access-key-id",
  accessKeySecret: "test-access-key-secret",
};

const HOST = "127.0.0.1";

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let end = result.length - 1; end > 0; end--) {
    const other = Math.floor(random() * (end + 1));
    [result[end], result[other]] = [result[other] as T, result[end] as T];
  }
  return result;
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= limit) parts.push(part);
  }
  if (size > limit) throw new ServiceError("OTSRequestBodyTooLarge", "The size of POST data is too large.");
  return Buffer.concat(parts);
}

/** Starts a server on loopback. One instance, one access key. */
export async function tablestoreServer(options: TablestoreServerOptions = {}): Promise<TablestoreServer> {
  const { instanceName, accessKeyId, accessKeySecret, securityToken } = { ...DEFAULT_CREDENTIALS, ...options };
  const credentials: Credentials = {
    instanceName,
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
  };
  const { now = Date.now, wallNow = Date.now, random = Math.random, tableReadyMs = 100, directory } = options;
  const limits = { ...DOCUMENTED_LIMITS, ...options.limits };
  const readings = new Readings(new Set(options.accept));
  const faults = new FaultPlan<ReceivedRequest>();
  const rowFaults = new FaultPlan<ReceivedRow>();

  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  const stored = directory === undefined ? undefined : Journal.open(join(directory, "journal"));
  const engine = new Engine({
    limits,
    readings,
    now,
    wallNow,
    tableReadyMs,
    shuffle: (list) => shuffled(list, random),
    record: (entry) => stored?.journal.append(entry),
  });
  engine.restore(stored?.entries ?? []);

  const handle = handlers({
    engine,
    limits,
    readings,
    shuffle: (list) => shuffled(list, random),
    rowFault: (row) => rowFaults.take(row),
  });

  function perform<Name extends OperationName>(name: Name, body: Buffer): Buffer {
    const message = decodeRequest(name, body);
    const fault = faults.take({ operation: name, message } as ReceivedRequest);
    if (fault?.when === "before") throw fault.error;
    const answer = (handle as Handlers)[name](message);
    if (fault !== undefined) throw fault.error;
    return encodeResponse(name, answer);
  }

  async function answer(request: IncomingMessage, path: string): Promise<Buffer> {
    const body = await readBody(request, limits.requestBodyBytes);
    if (request.method !== "POST") {
      throw new ServiceError("OTSMethodNotAllowed", "Only POST method for requests is supported.");
    }
    checkRequest({ path, headers: request.headers, body }, credentials, wallNow(), limits.clockSkewSeconds);
    const name = path.slice(1);
    if (!Object.hasOwn(handle, name)) throw parameterInvalid(`Unsupported operation: '${name}'.`);
    return perform(name as OperationName, body);
  }

  function send(response: ServerResponse, path: string, status: number, body: Buffer, signed: boolean): void {
    const headers: Record<string, string> = {
      "x-ots-contentmd5": md5(body),
      "x-ots-contenttype": "protocol buffer",
      "x-ots-date": new Date(wallNow()).toISOString(),
      "x-ots-requestid": randomUUID(),
    };
    if (signed) headers.authorization = responseAuthorization(path, headers, credentials);
    response.writeHead(status, { ...headers, "content-length": body.length });
    response.end(body);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    try {
      send(response, path, 200, await answer(request, path), true);
    } catch (error) {
      // The client went away before it had sent everything.
      if (request.destroyed && !request.complete) return;
      if (!(error instanceof ServiceError)) console.error("tablestore-server:", error);
      const { code, message, status } =
        error instanceof ServiceError ? error : new ServiceError("OTSInternalServerError", "Internal server error.");
      send(response, path, status, encodeError({ code, message }), code !== "OTSAuthFailed");
    }
  }

  const http = createServer((request, response) => void serve(request, response));
  // Else a client that uses a connection again just as it is closed sees a reset that no test has asked for.
  http.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(options.port ?? 0, HOST, resolve);
  });
  const { port } = http.address() as AddressInfo;

  return {
    ...credentials,
    url: `http://${HOST}:${port}`,
    port,
    faults,
    rowFaults,
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
      stored?.journal.close();
    },
  };
}
