import { append, count, mutation, newestPage, read, readBack, readOn, stage, staged } from "./lua.js";
import type { Script } from "./script-port.js";

// The list is LlamaIndex's: an element is a payload, and nothing else is there for long. What our clients have to know of
// each other is in a guard that expires by itself soon after the last write. Its state is the number of changes that were
// neither appends nor pops.

/** How long the guard stays after a write, in milliseconds: with ids of callers, and without. */
const callersMs = 10 * 60 * 1000;
const ownMs = 2 * 60 * 1000;

const state = `
local edits = tonumber(state) or tonumber(clock[1])
local expires = redis.call('PTTL', list)

local function same(payload) return payload end

local function finish(answer, body, changed)
  if not changed then needNoMemory() end
  save(string.format('%.0f', edits), remember(answer, body, ${callersMs}, ${ownMs}))
  if changed and ttl > 0 then redis.call('PEXPIRE', list, ttl)
  elseif changed and expires > 0 then redis.call('PEXPIRE', list, expires) end
  return {'done', answer, body and body or '', ''}
end
`;

function mutate(name: string, body: string, begin = mutation): Script {
  return { name, source: `${begin}${state}${body}` };
}

const usualAppend = append({
  state: "(%d+)()()",
  push: `
  b, c = '', ''
  for i = 7, #ARGV, 1000 do
    if redis.call('RPUSHX', list, unpack(ARGV, i, math.min(i + 999, #ARGV))) == 0 then return end
  end
`,
  expires: "later",
  callersMs,
  ownMs,
});

/** A cursor is a position from the oldest on, and a part of the hash of the element there. */
const cursors = `
local edits = string.match(redis.call('GET', head) or '', '^%d+ (%d+)') or ''

local function hash(element) return string.sub(redis.sha1hex(element), 1, 16) end

local function lookUp(cursor)
  local at, of = string.match(cursor, '^(%d+)/(%x+)$')
  local found = at and redis.call('LINDEX', list, at)
  if found and hash(found) == of then return tonumber(at) end
end

local function cursor(at, element) return string.format('%.0f/', at) .. hash(element) end

-- So that no client takes an element for JSON.
local function marked(out)
  for i = 5, #out do out[i] = ':' .. out[i] end
  return out
end
`;

export const llamaindexScripts = {
  append: mutate(
    "append",
    `
each(ARGV, 7, same)
return finish('-', nil, true)
`,
    usualAppend,
  ),

  appendStaged: mutate(
    "append what was staged",
    `
${staged}
for i = 0, expected - 1, 1000 do each(redis.call('LRANGE', stage, i, i + 999), 1, same) end
redis.call('UNLINK', stage)
return finish('-', nil, true)
`,
  ),

  replace: mutate(
    "replace",
    `
needMemory()
edits = edits + 1
redis.call('UNLINK', list)
each(ARGV, 7, same)
return finish('-', nil, true)
`,
  ),

  replaceStaged: mutate(
    "replace by what was staged",
    `
${staged}
edits = edits + 1
redis.call('UNLINK', list)
redis.call('RENAME', stage, list)
redis.call('PERSIST', list)
return finish('-', nil, true)
`,
  ),

  insert: mutate(
    "insert",
    `
local at = tonumber(ARGV[7])
if at > count then return finish('=0', nil, false) end
if at == count then
  each(ARGV, 8, same)
  return finish('=1', nil, true)
end
edits = edits + 1
if at == 0 then redis.call('LPUSH', list, ARGV[8])
else
  -- LINSERT looks for a value, and there may be several of it.
  local old = redis.call('LINDEX', list, at)
  redis.call('LSET', list, at, id)
  redis.call('LINSERT', list, 'BEFORE', id, ARGV[8])
  redis.call('LSET', list, at + 1, old)
end
return finish('=1', nil, true)
`,
  ),

  edit: mutate(
    "edit",
    `
local old = redis.call('LINDEX', list, ARGV[7])
if not old then return finish('-', nil, false) end
edits = edits + 1
redis.call('LSET', list, ARGV[7], ARGV[8])
return finish('+' .. (#old + 1), ':' .. old, true)
`,
  ),

  remove: mutate(
    "remove",
    `
local at = tonumber(ARGV[7])
local old = redis.call('LINDEX', list, at)
if not old then return finish('-', nil, false) end
if at == count - 1 then redis.call('RPOP', list)
else
  edits = edits + 1
  if at == 0 then redis.call('LPOP', list) else cut(at) end
end
return finish('+' .. (#old + 1), ':' .. old, true)
`,
  ),

  pop: mutate(
    "pop",
    `
local old = redis.call('RPOP', list)
if not old then return finish('-', nil, false) end
return finish('+' .. (#old + 1), ':' .. old, true)
`,
  ),

  forget: mutate(
    "forget",
    `
edits = edits + 1
redis.call('UNLINK', list)
return finish('-', nil, true)
`,
  ),

  trim: mutate(
    "trim",
    `
local keep = tonumber(ARGV[7])
local removed = math.max(0, count - keep)
if removed == 0 then return finish('=0', nil, false) end
edits = edits + 1
if keep == 0 then redis.call('UNLINK', list) else redis.call('LTRIM', list, -keep, -1) end
return finish(string.format('=%.17g', removed), nil, true)
`,
  ),

  stage,
  stageReplacement: stage,
  count,

  newest: newestPage(
    "for i = 2, #page do page[i] = ':' .. page[i] end\n",
    "string.format('%.0f/', redis.call('LLEN', list) - limit) .. string.sub(redis.sha1hex(page[2]), 1, 16)",
  ),

  /** ARGV: limit (0 for all), bytes, a cursor or nothing, and the edits of the read that goes on or nothing. */
  readBack: {
    name: "read back",
    source: `${read}${readBack}${cursors}
local limit, last = tonumber(ARGV[1]), count
if ARGV[3] ~= '' then
  last = lookUp(ARGV[3])
  if not last then return {'moved'} end
end
if ARGV[4] ~= '' and ARGV[4] ~= 'e' .. edits then return {'moved'} end
local out = {'page', '', 'e' .. edits, ''}
local start = back(limit > 0 and math.max(0, last - limit) or 0, last, tonumber(ARGV[2]), out)
if start > 0 and #out > 4 then out[2] = cursor(start, out[#out]) end
return marked(out)
`,
  },

  /** As above, from the oldest on. */
  readOn: {
    name: "read on",
    source: `${read}${readOn}${cursors}
local first = 0
if ARGV[3] ~= '' then
  local at = lookUp(ARGV[3])
  if not at or ARGV[4] ~= 'e' .. edits then return {'moved'} end
  first = at + 1
end
local out = {'page', '', 'e' .. edits, ''}
local stop = on(first, math.min(count, first + tonumber(ARGV[1])), tonumber(ARGV[2]), out)
if stop < count and #out > 4 then out[2] = cursor(stop - 1, out[#out]) end
return marked(out)
`,
  },
} satisfies Record<string, Script>;
