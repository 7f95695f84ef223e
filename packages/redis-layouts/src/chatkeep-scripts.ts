import { append, count, mutation, newestPage, read, readBack, readOn, stage, staged, stageScript } from "./lua.js";
import type { Script } from "./script-port.js";

// An element is its place, a blank, and the payload. Places rise along the list. An appended message takes the next whole
// number, an inserted one the middle of its neighbours': with doubles that goes some 30 times at one spot of a million
// messages, then all are given anew.
//
// The head's state is `life next edits listed unlisting`. A life ends when its places lose their meaning: cursors of
// another life lead nowhere. `edits` counts the changes that are neither appends nor pops. The last two are for a Cluster:
// the token of the entry in the index of keys, and that of one which is being removed (see key-index.ts).

/** How long the operations of an ended conversation are remembered, in milliseconds: with ids of callers, and without. */
const callersMs = 24 * 60 * 60 * 1000;
const ownMs = 60 * 60 * 1000;

/** With as few to be kept, they are copied and the rest is freed in the background. */
const fewKept = 200;

const place = `
local function place(element) return tonumber(string.match(element, '^%S+')) end
`;

const state = `
local life, next, edits, listed, unlisting = string.match(state, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
if text ~= '' and not (tonumber(next) and tonumber(edits)) then refuse(head) end
next, edits, listed, unlisting = tonumber(next), tonumber(edits), listed or '-', unlisting or '-'

local function newLife()
  local now = clock[1] * 1000000 + clock[2]
  life = string.format('%.0f', math.max(now, (tonumber(life) or 0) + 1))
  next, edits = 1, 0
end

local name = ARGV[5]
-- In a Cluster: the token of the entry that the client has written, and what was being removed before it did.
local token, seen = string.match(ARGV[6], '^(%S+) (%S+)$')

-- Before anything is written where a conversation begins or ends.
local function needIndex()
  if index then redis.call('ZCARD', index) end
end

if not life or count == 0 then
  newLife()
  -- The head was lost alone.
  if count > 0 then next = place(redis.call('LINDEX', list, -1)) + 1 end
end

-- Whether a conversation may begin: in a Cluster, where the index is elsewhere, only with an entry that nobody can be
-- removing, since nobody has noted a removal after it was written.
local function listedFirst()
  if count > 0 then return true end
  needIndex()
  if index then return true end
  if seen ~= unlisting then return false end
  listed, unlisting = token, '-'
  return true
end

local function numbered(payload)
  next = next + 1
  return string.format(next % 1 == 0 and '%d ' or '%.17g ', next - 1) .. payload
end

-- left: how many messages there are now; nil when nothing was changed.
local function finish(answer, body, left)
  local changed, unlist = left ~= nil, ''
  left = left or count
  if count > 0 and left == 0 then
    if index then redis.call('ZREM', index, name)
    elseif listed ~= '-' then
      unlist, unlisting, listed = listed, listed, '-'
    end
  elseif count == 0 and left > 0 and index then
    redis.call('ZADD', index, 0, name)
  end
  local later = remember(answer, body, ${callersMs}, ${ownMs})
  local expires
  if not changed then needNoMemory() end
  if left == 0 then expires = later
  elseif changed and ttl > 0 then
    redis.call('PEXPIRE', list, ttl)
    expires = ttl + later
  elseif changed then
    -- The head expires if the list does, unless it was lost alone.
    if redis.call('PTTL', head) > 0 or (text == '' and count > 0) then
      redis.call('PERSIST', list)
      redis.call('PERSIST', answers)
    end
  else
    local rest = redis.call('PTTL', list)
    if rest > 0 then expires = rest + later end
  end
  save(string.format('%s %.17g %.17g %s %s', life, next, edits, listed, unlisting), expires)
  return {'done', answer, body and body or '', unlist}
end
`;

function mutate(name: string, body: string, begin = mutation): Script {
  return { name, source: `${begin}${place}${state}${body}` };
}

const usualAppend = append({
  state: "(%d+ )(%d+)( %d+ %S+ %S+)",
  // Of 13 digits every whole number is exact.
  push: `
  if #b > 13 or (ttl == 0 and redis.call('PTTL', head) ~= -1) then return end
  local last = #ARGV
  if last == 7 then
    if redis.call('RPUSHX', list, b .. ' ' .. ARGV[7]) == 0 then return end
  else
    for i = 7, last, 1000 do
      local some = {}
      for j = i, math.min(i + 999, last) do some[j - i + 1] = string.format('%d ', b + j - 7) .. ARGV[j] end
      if redis.call('RPUSHX', list, unpack(some)) == 0 then return end
    end
  end
  b = string.format('%d', b + last - 6)
`,
  expires: "ttl > 0 and ttl + later",
  callersMs,
  ownMs,
});

/** `life/place` of the oldest element of a page, and whether a read that began earlier may go on. */
const cursors = `
local life, edits = string.match(redis.call('GET', head) or '', '^%d+ (%S+) %S+ (%S+)')
life, edits = life or '0', edits or '0'

-- Position of the first element at or after a place.
local function position(target)
  local low, high = 0, count
  -- Without gaps it is as far from the end as the places tell.
  local guess = count - 1 - (place(redis.call('LINDEX', list, -1)) - target)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if guess >= low and guess < high then middle = math.floor(guess) end
    guess = -1
    local found = place(redis.call('LINDEX', list, middle))
    if found == target then return middle end
    if found < target then low = middle + 1 else high = middle end
  end
  return low
end

local function lookUp(cursor)
  local of, target = string.match(cursor, '^(%S+)/(%S+)$')
  target = tonumber(target)
  if count == 0 or of ~= life or not target then return nil end
  local at = position(target)
  local found = place(redis.call('LINDEX', list, at) or '')
  -- What was older is gone: that the conversation begins here would be a guess.
  if at == 0 and found ~= target then return nil end
  return at, found == target
end

local function cursor(element) return life .. '/' .. string.match(element, '^%S+') end
`;

/** Of the head, whose first bytes are enough. */
const life = "(string.match(redis.call('GETRANGE', head, 0, 40), '^%d+ (%S+) ') or '0')";

export const chatkeepScripts = {
  append: mutate(
    "append",
    `
if not listedFirst() then return {'unlisted', unlisting} end
each(ARGV, 7, numbered)
return finish('-', nil, count + #ARGV - 6)
`,
    usualAppend,
  ),

  appendStaged: mutate(
    "append what was staged",
    `
${staged}
if not listedFirst() then return {'unlisted', unlisting} end
for i = 0, expected - 1, 1000 do each(redis.call('LRANGE', stage, i, i + 999), 1, numbered) end
redis.call('UNLINK', stage)
return finish('-', nil, count + expected)
`,
  ),

  replace: mutate(
    "replace",
    `
if not listedFirst() then return {'unlisted', unlisting} end
needMemory()
newLife()
redis.call('UNLINK', list)
each(ARGV, 7, numbered)
return finish('-', nil, #ARGV - 6)
`,
  ),

  replaceStaged: mutate(
    "replace by what was staged",
    `
${staged}
if not listedFirst() then return {'unlisted', unlisting} end
newLife()
next = expected + 1
redis.call('UNLINK', list)
redis.call('RENAME', stage, list)
redis.call('PERSIST', list)
return finish('-', nil, expected)
`,
  ),

  insert: mutate(
    "insert",
    `
local at = tonumber(ARGV[7])
if at > count then return finish('=0') end
if not listedFirst() then return {'unlisted', unlisting} end
if at == count then
  each(ARGV, 8, numbered)
  return finish('=1', nil, count + 1)
end

local function neighbours()
  local before = at > 0 and place(redis.call('LINDEX', list, at - 1))
  local after = place(redis.call('LINDEX', list, at))
  local middle = before and (before + after) / 2 or after - 1
  return middle, middle ~= before and middle ~= after
end

needMemory()
local middle, room = neighbours()
if not room then
  newLife()
  redis.call('RENAME', list, stage)
  local function anew(element) return numbered(string.sub(element, string.find(element, ' ', 1, true) + 1)) end
  for i = 0, count - 1, 1000 do each(redis.call('LRANGE', stage, i, i + 999), 1, anew) end
  redis.call('UNLINK', stage)
  middle = neighbours()
end
edits = edits + 1
local element = string.format('%.17g ', middle) .. ARGV[8]
if at == 0 then redis.call('LPUSH', list, element)
else redis.call('LINSERT', list, 'BEFORE', redis.call('LINDEX', list, at), element) end
return finish('=1', nil, count + 1)
`,
  ),

  edit: mutate(
    "edit",
    `
local old = redis.call('LINDEX', list, ARGV[7])
if not old then return finish('-') end
edits = edits + 1
redis.call('LSET', list, ARGV[7], string.match(old, '^%S+ ') .. ARGV[8])
return finish('+' .. #old, old, count)
`,
  ),

  remove: mutate(
    "remove",
    `
local at = tonumber(ARGV[7])
local old = redis.call('LINDEX', list, at)
if not old then return finish('-') end
if count == 1 then needIndex() end
if at == count - 1 then redis.call('RPOP', list)
else
  edits = edits + 1
  if at == 0 then redis.call('LPOP', list) else cut(at) end
end
return finish('+' .. #old, old, count - 1)
`,
  ),

  pop: mutate(
    "pop",
    `
if count == 1 then needIndex() end
local old = redis.call('RPOP', list)
if not old then return finish('-') end
return finish('+' .. #old, old, count - 1)
`,
  ),

  forget: mutate(
    "forget",
    `
needIndex()
redis.call('UNLINK', list)
return finish('-', nil, 0)
`,
  ),

  trim: mutate(
    "trim",
    `
local keep = tonumber(ARGV[7])
local removed = math.max(0, count - keep)
if removed == 0 then return finish('=0') end
if keep == 0 then needIndex() end
edits = edits + 1
if keep <= ${fewKept} then
  local kept = keep > 0 and redis.call('LRANGE', list, -keep, -1) or {}
  redis.call('UNLINK', list)
  if keep > 0 then redis.call('RPUSH', list, unpack(kept)) end
else
  redis.call('LTRIM', list, -keep, -1)
end
return finish(string.format('=%.17g', removed), nil, keep)
`,
  ),

  stage,
  // Taken over as they are, they begin with the first place.
  stageReplacement: stageScript("string.format('%.17g ', offset + j - 1) .. ARGV[j]"),
  count,

  newest: newestPage("", `${life} .. '/' .. (string.match(page[2], '^%S+') or '')`),

  /** ARGV: limit (0 for all), bytes, a cursor or nothing, and the edits of the read that goes on or nothing. */
  readBack: {
    name: "read back",
    source: `${read}${place}${readBack}${cursors}
local limit, last, exact = tonumber(ARGV[1]), count, true
if ARGV[3] ~= '' then
  last, exact = lookUp(ARGV[3])
  if not last then return {'moved'} end
end
if ARGV[4] ~= '' and (ARGV[4] ~= 'e' .. edits or not exact) then return {'moved'} end
local out = {'page', '', 'e' .. edits, ''}
local first = limit > 0 and math.max(0, last - limit) or 0
local start = back(first, last, tonumber(ARGV[2]), out)
if start > 0 and #out > 4 then out[2] = cursor(out[#out]) end
return out
`,
  },

  /** As above, from the oldest on. */
  readOn: {
    name: "read on",
    source: `${read}${place}${readOn}${cursors}
local first = 0
if ARGV[3] ~= '' then
  local at, exact = lookUp(ARGV[3])
  if not at or not exact or ARGV[4] ~= 'e' .. edits then return {'moved'} end
  first = at + 1
end
local out = {'page', '', 'e' .. edits, ''}
local stop = on(first, math.min(count, first + tonumber(ARGV[1])), tonumber(ARGV[2]), out)
if stop < count and #out > 4 then out[2] = cursor(out[#out]) end
return out
`,
  },
} satisfies Record<string, Script>;
