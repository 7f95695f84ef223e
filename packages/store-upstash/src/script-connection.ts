import type { ReadContext, WriteContext } from "@chatkeep/chat-store-core/backend";
import type { PortLimits, Script, ScriptPort } from "@chatkeep/redis-layouts";
import { newClient } from "./client.js";
import { ServerError, UnreadableReply } from "./failures.js";
import type { Connection, UpstashClientLike } from "./options.js";

/**
 * A request has at most 10 MB on the plans Free and Pay-as-you-go ("ERR max request size exceeded"), and so has what one
 * reads. A message is sent as JSON in JSON, which at worst doubles it, and comes back in base64, a third longer.
 */
const limits: PortLimits = { requestBytes: 4_500_000, replyBytes: 7_000_000 };

/** "Key-Based Locking": the script locks the keys that it declares, and not the whole database. */
const keyLocking = "#!lua flags=allow-key-locking\n";

/** Without key locking, since its keys are not known before. ARGV: cursor, pattern. No string of the reply is JSON. */
const scan = `
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 1000, 'TYPE', 'list')
local out = {'c' .. page[1]}
for i, name in ipairs(page[2]) do out[i + 1] = 'n' .. name end
return out
`;

/** A script by its text, or by the hash of it. */
type Command = "eval" | "evalsha";

/** Sends a script by one request. */
type Send = (
  command: Command,
  script: string,
  keys: readonly string[],
  args: readonly string[],
  context: ReadContext,
) => Promise<unknown>;

/** As Redis says it, and as SDKs before 1.34 pass it on. */
const unknownScript = /^(?:Command \d+ \[ \w+ \] failed: )?NOSCRIPT\b/;

/**
 * Scripts over HTTP, each in a request of its own. A read is an EVAL, which is never answered by a read replica, as other
 * reads are. A write can only be done by the primary: once its script was sent by its text, it is sent by the hash of it,
 * and again by its text where the database has forgotten that.
 */
export class ScriptConnection implements ScriptPort {
  readonly limits = limits;
  readonly acrossSlots = true;
  readonly #send: Send;
  /** Of the scripts that the database has been given. */
  readonly #hashes = new Map<Script, string>();

  constructor(client: UpstashClientLike | Connection) {
    this.#send =
      "pipeline" in client
        ? (command, script, keys, args) => evaluate(client, command, script, keys, args)
        : bySignal(client);
  }

  async run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    context: ReadContext | WriteContext,
  ): Promise<unknown> {
    const known = this.#hashes.get(script);
    if (known !== undefined) {
      try {
        return await this.#send("evalsha", known, keys, args, context);
      } catch (error) {
        if (!(error instanceof Error && unknownScript.test(error.message))) throw error;
      }
    }
    const text = keyLocking + script.source;
    const reply = await this.#send("eval", text, keys, args, context);
    if (known === undefined && "operation" in context) {
      const hash = await sha1(text);
      if (hash !== undefined) this.#hashes.set(script, hash);
    }
    return reply;
  }

  async scanLists(pattern: string, context: ReadContext): Promise<string[]> {
    const found: string[] = [];
    let cursor = "0";
    do {
      const reply = await this.#send("eval", scan, [], [cursor, pattern], context);
      if (!isTexts(reply)) throw new UnreadableReply();
      const [next = "", ...names] = reply.map((text) => text.slice(1));
      cursor = next;
      found.push(...names);
    } while (cursor !== "0" && !context.signal.aborted);
    return found;
  }

  async close(): Promise<void> {}
}

/** Undefined where there is no WebCrypto, as on a page without TLS. */
async function sha1(text: string): Promise<string | undefined> {
  const { subtle } = crypto as { subtle?: SubtleCrypto };
  if (subtle === undefined) return undefined;
  const bytes = new Uint8Array(await subtle.digest("SHA-1", new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bySignal(connection: Connection): Send {
  const { client, withSignal } = newClient(connection);
  return (command, script, keys, args, context) =>
    withSignal(context, () => evaluate(client, command, script, keys, args));
}

/**
 * In a pipeline of one: whatever the client's settings, the SDK then puts it together with no other command, and does not
 * take an abort for a reply. What it parses of a reply is not JSON.
 */
async function evaluate(
  client: UpstashClientLike,
  command: Command,
  script: string,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const pipeline = client.pipeline();
  pipeline[command](script, [...keys], [...args]);
  const replies = await pipeline.exec({ keepErrors: true });
  const reply: unknown = Array.isArray(replies) && replies.length === 1 ? replies[0] : undefined;
  // SDKs before 1.34 don't know `keepErrors`: they give the result itself, and throw the error.
  if (Array.isArray(reply) || typeof reply !== "object" || reply === null) return reply;
  const { error, result } = reply as { error?: unknown; result?: unknown };
  if (error !== undefined) throw new ServerError(String(error));
  return result;
}

function isTexts(reply: unknown): reply is string[] {
  return Array.isArray(reply) && reply.length > 0 && reply.every((item) => typeof item === "string");
}
