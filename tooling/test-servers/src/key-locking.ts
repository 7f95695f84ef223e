// Upstash's flag of Lua scripts: "allow-key-locking" locks the declared keys only, and refuses all others
// (https://upstash.com/docs/redis/features/key-locking). Redis doesn't know it, so the rule is put into the script.

const FLAG = "allow-key-locking";

/** Commands whose first argument is their only key. */
const ONE_KEY = [
  "APPEND EXPIRE EXPIREAT EXPIRETIME GET GETDEL GETRANGE GETSET HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HMSET HSET HVALS",
  "INCR INCRBY LINDEX LINSERT LLEN LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PTTL",
  "RPOP RPUSH RPUSHX SADD SCARD SET SISMEMBER SMEMBERS SREM STRLEN TTL TYPE ZADD ZCARD ZLEXCOUNT ZRANGE ZRANGEBYLEX",
  "ZRANGEBYSCORE ZREM ZREMRANGEBYLEX ZREMRANGEBYSCORE ZSCORE",
].join(" ");

const GUARD = `
local redis = (function(real)
  local declared = {}
  for _, key in ipairs(KEYS) do declared[key] = true end
  local last = { TIME = 0, RENAME = 2, RENAMENX = 2, LMOVE = 2, RPOPLPUSH = 2, COPY = 2, DEL = -1, UNLINK = -1, EXISTS = -1 }
  for name in string.gmatch('${ONE_KEY}', '%u+') do last[name] = 1 end

  local function problem(name, ...)
    local count = last[string.upper(name)]
    if count == nil then return 'ERR the test server does not know which arguments of ' .. name .. ' are keys' end
    if count == -1 then count = select('#', ...) end
    for at = 1, count do
      local key = select(at, ...)
      if not declared[key] then
        return "ERR Dynamic keys are not allowed in Lua scripts when '${FLAG}' flag is set. Key was: " .. key
      end
    end
  end

  return setmetatable({
    call = function(...)
      local found = problem(...)
      if found then error(real.error_reply(found)) end
      return real.call(...)
    end,
    pcall = function(...)
      local found = problem(...)
      if found then return real.error_reply(found) end
      return real.pcall(...)
    end,
  }, { __index = real })
end)(redis)
`;

/** The script for Redis: without the flag, and with what it means. */
export function withKeyLocking(script: string): string {
  const flags = /^#!lua flags=([\w,-]*)/.exec(script)?.[1]?.split(",") ?? [];
  if (!flags.includes(FLAG)) return script;
  const others = flags.filter((flag) => flag !== FLAG);
  const body = script.slice(script.indexOf("\n") + 1);
  // Any `#!` would make Redis refuse the whole script when memory has run out.
  return `${others.length > 0 ? `#!lua flags=${others.join(",")}\n` : ""}${GUARD}${body}`;
}
