import { type DriverKeys, mayBeginKey, type ReadContext } from "@chatkeep/chat-store-core/backend";
import { shardOf } from "./names.js";
import type { Script, ScriptPort } from "./script-port.js";
import { type ConversationNames, texts, UnexpectedReply } from "./scripted-driver.js";

// Which conversations there are: sorted sets of keys in the order of their bytes, in `shards` slots. An entry is written
// before the first message and removed after the last one, and checked when it is listed, since a conversation also ends
// by expiring.
//
// Where a script may have keys of several slots, mutations keep the entry in the same step. In a Cluster they can't, and
// two things could cross: one client removes the entry of a conversation that has ended, while another begins it anew.
// So every entry has a token there. Whoever removes one (a) notes in the head which token is being removed, if there are no
// messages, and then (b) removes the entry if that is still its token. Whoever begins a conversation asks which token was
// noted last, then writes the entry with a new token, and begins only if the note is the same as before: whoever notes
// later finds the messages, and whoever has noted before finds another token. So no entry goes that somebody has begun with.

/** More do not make writing faster, and every listing asks each. */
const shards = 8;

/** How long a removal is noted, in milliseconds: longer than any request can be on its way. */
const notedMs = 60 * 60 * 1000;

/** ARGV: prefix, limit, the shard to begin with, the key to begin after, and `1` to answer tokens. */
const list: Script = {
  name: "list keys",
  source: `
local limit, from, tokens = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[5] == '1'
local out = {'page', '', ''}
local found = 0
for i = from, tokens and 1 or #KEYS do
  redis.call('ZREM', KEYS[i], '')
  local least = '-'
  if i == from and ARGV[4] ~= '' then least = '(' .. ARGV[4] elseif ARGV[1] ~= '' then least = '[' .. ARGV[1] end
  local most = ARGV[1] == '' and '+' or '(' .. ARGV[1] .. '\\255'
  for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[i], least, most, 'LIMIT', 0, limit - found)) do
    out[#out + 1] = 'k' .. key
    if tokens then out[#out + 1] = 't' .. (redis.call('HGET', KEYS[2], key) or '') end
    found = found + 1
  end
  if found == limit then
    out[2], out[3] = 's' .. i, out[#out - (tokens and 1 or 0)]
    break
  end
end
return out
`,
};

/** KEYS: shards, and the lists of conversations. ARGV: how many shards, and for each conversation its shard and its key. */
const check: Script = {
  name: "check keys",
  source: `
local shards = tonumber(ARGV[1])
local out = {'found'}
for i = shards + 1, #KEYS do
  local at = (i - shards) * 2
  if redis.call('EXISTS', KEYS[i]) == 1 then out[#out + 1] = 'k' .. ARGV[at + 1]
  else redis.call('ZREM', KEYS[tonumber(ARGV[at])], ARGV[at + 1]) end
end
return out
`,
};

/** KEYS: the sorted set, the tokens. ARGV: key, token. */
const add: Script = {
  name: "list a key",
  source: `
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 'listed'
`,
};

/** As above. */
const remove: Script = {
  name: "unlist a key",
  source: `
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then return 'changed' end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 'unlisted'
`,
};

/** KEYS: list, head, answers. ARGV: the token whose entry is to be removed. */
const note: Script = {
  name: "check a key",
  source: `
redis.call('HDEL', KEYS[3], '')
if redis.call('EXISTS', KEYS[1]) == 1 then return 'exists' end
local text = redis.call('GET', KEYS[2]) or '0 0 1 0'
local held, life, next, edits = string.match(text, '^(%d+) (%S+) (%S+) (%S+)')
if not held then redis.call('LLEN', KEYS[2]) end
local token = ARGV[1] == '' and '?' or ARGV[1]
local noted = string.format('%s %s %s %s - %s', held, life, next, edits, token) .. (string.match(text, '\\n.*') or '')
redis.call('SET', KEYS[2], noted, 'PX', math.max(redis.call('PTTL', KEYS[2]), ${notedMs}))
return 'ended'
`,
};

/** Conversations asked about at once in a Cluster. */
const atOnce = 50;

export class KeyIndex {
  readonly #port: ScriptPort;
  readonly #keyPrefix: string;
  readonly #namesOf: (key: string) => ConversationNames;

  constructor(port: ScriptPort, keyPrefix: string, namesOf: (key: string) => ConversationNames) {
    this.#port = port;
    this.#keyPrefix = keyPrefix;
    this.#namesOf = namesOf;
  }

  /** The sorted set that has the key. */
  shardOf(key: string): string {
    return this.#shard(shardOf(key, shards));
  }

  /** Writes the entry of a conversation that is about to begin, and answers its token. For a Cluster. */
  async add(key: string, context: ReadContext): Promise<string> {
    const token = crypto.randomUUID();
    const reply = await this.#port.run(add, this.#withTokens(this.shardOf(key)), [key, token], context);
    if (reply !== "listed") throw new UnexpectedReply();
    return token;
  }

  /** Removes the entry with this token, once that is noted in the conversation's head. For a Cluster. */
  async remove(key: string, token: string, context: ReadContext): Promise<void> {
    await this.#port.run(remove, this.#withTokens(this.shardOf(key)), [key, token], context);
  }

  /**
   * Some keys, from one shard after another: two requests for each page, and entries of conversations that have ended are
   * removed. In a Cluster one for each shard, one for each key, and one more for each that has ended.
   */
  async list(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    if (!mayBeginKey(prefix)) return { keys: [] };
    const [, from = "0", after = ""] = /^(\d+):(.*)$/s.exec(cursor ?? "") ?? [];
    return this.#port.acrossSlots
      ? this.#listAtOnce(prefix, limit, Number(from), after, context)
      : this.#listShard(prefix, limit, Number(from), after, context);
  }

  async #listAtOnce(prefix: string, limit: number, from: number, after: string, context: ReadContext) {
    const all = Array.from({ length: shards }, (_, shard) => this.#shard(shard));
    const args = [prefix, String(limit), String(from + 1), after, ""];
    const [status, next = "", last = "", ...entries] = texts(await this.#port.run(list, all, args, context));
    if (status !== "page") throw new UnexpectedReply();
    const listed = entries.map((entry) => entry.slice(1));
    const cursor = next === "" ? undefined : `${Number(next.slice(1)) - 1}:${last.slice(1)}`;
    if (listed.length === 0) return { keys: [], cursor };
    const keys = [...all, ...listed.map((key) => this.#namesOf(key).list)];
    const places = listed.flatMap((key) => [String(shardOf(key, shards) + 1), key]);
    const reply = texts(await this.#port.run(check, keys, [String(shards), ...places], context));
    if (reply[0] !== "found") throw new UnexpectedReply();
    return { keys: reply.slice(1).map((entry) => entry.slice(1)), cursor };
  }

  async #listShard(prefix: string, limit: number, from: number, after: string, context: ReadContext) {
    const names = this.#withTokens(this.#shard(from));
    const args = [prefix, String(limit), "1", after, "1"];
    const [status, next = "", last = "", ...entries] = texts(await this.#port.run(list, names, args, context));
    if (status !== "page") throw new UnexpectedReply();
    const keys: string[] = [];
    for (let i = 0; i < entries.length; i += 2 * atOnce) {
      const some = entries.slice(i, i + 2 * atOnce);
      await Promise.all(
        some.map(async (entry, at) => {
          if (at % 2 === 1) return;
          const key = entry.slice(1);
          if (await this.#exists(key, (some[at + 1] ?? "").slice(1), context)) keys.push(key);
        }),
      );
    }
    if (next !== "") return { keys, cursor: `${from}:${last.slice(1)}` };
    return { keys, cursor: from + 1 < shards ? `${from + 1}:` : undefined };
  }

  async #exists(key: string, token: string, context: ReadContext): Promise<boolean> {
    const { list: messages, head, answers } = this.#namesOf(key);
    const reply = await this.#port.run(note, [messages, head, answers], [token], context);
    if (reply === "ended") await this.remove(key, token, context);
    return reply === "exists";
  }

  #shard(number: number): string {
    return `${this.#keyPrefix}{i${number}}:keys`;
  }

  #withTokens(shard: string): [string, string] {
    return [shard, `${shard}:tokens`];
  }
}
