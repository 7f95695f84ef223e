import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { withKeyLocking } from "./key-locking.js";
import { LOOPBACK, listen } from "./ports.js";
import { type Reply, RespConnection } from "./resp.js";

// Upstash's REST protocol as @upstash/redis speaks it (https://upstash.com/docs/redis/features/restapi): POST only, a
// command to `/`, several to `/pipeline` (not atomic) or `/multi-exec` (atomic).

export interface UpstashTokens {
  /** May do everything. */
  readonly token: string;
  /** May only read: no scripts, no SCAN, no KEYS. */
  readonly readOnlyToken: string;
}

export interface UpstashFrontOptions extends UpstashTokens {
  readonly redis: { readonly host: string; readonly port: number };
  /** Of a request's body, and of what one command answers; 10 MB, as of the Free and Pay-as-you-go plans. */
  readonly maxRequestBytes?: number;
}

export interface UpstashFront {
  readonly port: number;
  /** Breaks all connections, to the clients and to Redis. */
  disconnect(): void;
  close(): Promise<void>;
}

/** The user of Redis behind the read-only token. */
const READER = "default_ro";

/** Lines of the ACL file for the Redis behind. A read-only token has no SCAN and no KEYS, says Upstash. */
export function upstashUsers({ token, readOnlyToken }: UpstashTokens, permissions = "~* &* +@all"): string[] {
  return [
    `user default on >${token} ${permissions}`,
    `user ${READER} on >${readOnlyToken} ~* +@read -scan -keys +ping +echo`,
  ];
}

/** They would change what the connection is to the others, or never end. Upstash doesn't offer them by REST either. */
const NOT_OFFERED = new Set(
  [
    "AUTH BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT CLUSTER CONFIG DEBUG DISCARD EXEC FAILOVER",
    "HELLO MIGRATE MONITOR MULTI PSUBSCRIBE QUIT REPLICAOF RESET SELECT SHUTDOWN SLAVEOF SSUBSCRIBE SUBSCRIBE SYNC UNWATCH",
    "WAIT WATCH",
  ]
    .join(" ")
    .split(" "),
);

type Json = string | number | null | Json[];

/** With base64 every string is encoded but a status "OK" that is the whole answer. */
function toJson(reply: Reply, base64: boolean, depth = 0): Json {
  if (reply === null || typeof reply === "number") return reply;
  if (Array.isArray(reply)) return reply.map((item) => toJson(item, base64, depth + 1));
  if (Buffer.isBuffer(reply)) return reply.toString(base64 ? "base64" : "utf8");
  const text = "status" in reply ? reply.status : reply.error;
  return base64 && !(depth === 0 && text === "OK") ? Buffer.from(text).toString("base64") : text;
}

function bytesOf(reply: Reply): number {
  if (Array.isArray(reply)) return reply.reduce<number>((sum, item) => sum + bytesOf(item), 0);
  return Buffer.isBuffer(reply) ? reply.length : 0;
}

const isError = (reply: Reply): reply is { readonly error: string } =>
  typeof reply === "object" && reply !== null && "error" in reply;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const refused = (status: number, error: string): Answer => ({ status, body: { error } });

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/** Makes commands of bodies: lists of text, numbers and booleans. */
class Commands {
  /** Of a script's own hash that of the one which Redis was given instead. */
  readonly #hashes = new Map<string, string>();

  of(value: unknown): string[] | undefined {
    if (!Array.isArray(value) || value.length === 0) return undefined;
    const simple = value.every((item) => ["string", "number", "boolean"].includes(typeof item));
    if (!simple) return undefined;
    const [name = "", first = "", ...rest] = value.map(String);
    switch (name.toUpperCase()) {
      case "EVAL":
      case "EVAL_RO": {
        const script = withKeyLocking(first);
        this.#hashes.set(sha1(first), sha1(script));
        return [name, script, ...rest];
      }
      case "EVALSHA":
        return [name, this.#hashes.get(first) ?? first, ...rest];
      default:
        return value.map(String);
    }
  }
}

/** Upstash's REST front over a running Redis whose users are `upstashUsers`. */
export async function upstashFront(options: UpstashFrontOptions): Promise<UpstashFront> {
  const { redis, maxRequestBytes = 10_000_000 } = options;
  const connections = new Map([
    [options.token, new RespConnection(redis, ["AUTH", "default", options.token])],
    [options.readOnlyToken, new RespConnection(redis, ["AUTH", READER, options.readOnlyToken])],
  ]);
  const sockets = new Set<Socket>();
  const known = new Commands();
  let writes = 0;

  const tooLarge = (bytes: number) =>
    `ERR max request size exceeded. Limit: ${maxRequestBytes} bytes, Actual: ${bytes} bytes`;

  async function run(connection: RespConnection, command: readonly string[]): Promise<Reply> {
    const name = (command[0] ?? "").toUpperCase();
    if (NOT_OFFERED.has(name)) return { error: `ERR Command is not available: '${name}'` };
    const reply = await connection.send(command);
    const bytes = bytesOf(reply);
    return bytes > maxRequestBytes ? { error: tooLarge(bytes) } : reply;
  }

  async function transaction(connection: RespConnection, commands: readonly string[][]): Promise<Reply> {
    const replies = await Promise.all(connection.sendTogether([["MULTI"], ...commands, ["EXEC"]]));
    return replies.at(-1) ?? null;
  }

  async function answer(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    if (incoming.method !== "POST") return refused(405, "ERR method not allowed");
    const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? "")?.[1] ?? "";
    const connection = connections.get(token);
    if (connection === undefined) return refused(401, "WRONGPASS invalid or missing auth token");
    if (body.length > maxRequestBytes) return refused(413, tooLarge(body.length));
    let sent: unknown;
    try {
      sent = JSON.parse(body.toString());
    } catch {
      return refused(400, "ERR failed to parse the request's body");
    }
    const base64 = incoming.headers["upstash-encoding"] === "base64";
    const member = (reply: Reply) => (isError(reply) ? reply : { result: toJson(reply, base64) });

    if (incoming.url === "/") {
      const command = known.of(sent);
      if (command === undefined) return refused(400, "ERR failed to parse command");
      const reply = await run(connection, command);
      return { status: isError(reply) ? 400 : 200, body: member(reply) };
    }
    if (incoming.url !== "/pipeline" && incoming.url !== "/multi-exec") return refused(400, "ERR unknown path");
    const commands = Array.isArray(sent) ? sent.map((each) => known.of(each)) : [];
    if (commands.length === 0 || !commands.every((command) => command !== undefined)) {
      return refused(400, "ERR failed to parse commands");
    }
    if (incoming.url === "/multi-exec") {
      const reply = await transaction(connection, commands);
      return Array.isArray(reply) ? { status: 200, body: reply.map(member) } : { status: 400, body: member(reply) };
    }
    // One after the other, so that those of other clients get in between.
    const replies: Reply[] = [];
    for (const command of commands) replies.push(await run(connection, command));
    return { status: 200, body: replies.map(member) };
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, body } = await answer(incoming, await bodyOf(incoming));
      response.writeHead(status, { "Content-Type": "application/json", "upstash-sync-token": `chatkeep-${++writes}` });
      response.end(JSON.stringify(body));
    } catch {
      // Redis is gone: whether it acted is not known.
      incoming.socket.resetAndDestroy();
    }
  }

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (incoming, response) => {
    serve(incoming, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const port = await listen(server);

  const disconnect = () => {
    for (const socket of sockets) socket.resetAndDestroy();
    for (const connection of connections.values()) connection.close();
  };
  return {
    port,
    disconnect,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      disconnect();
      await closed;
    },
  };
}

export const upstashUrl = (port: number) => `http://${LOOPBACK}:${port}`;
