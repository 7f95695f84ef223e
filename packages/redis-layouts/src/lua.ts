import type { Script } from "./script-port.js";

// What the scripts of both layouts have in common. Each mutation is one script: it looks its operation up, changes the
// list, remembers the operation with its answer and sets when all of it expires. Nothing is written before all keys are
// known to be of the right type: an error of a command doesn't undo the commands before it.

/** Operations of a key that are remembered: one and its 32 later ones. */
const remembered = 33;

/** Bytes of removed messages that are kept as answers, for each key; the newest is kept whatever its size. */
const mostAnswerBytes = 1024 * 1024;

/** Values to a command: Lua's unpack takes some 8,000. */
const block = 1_000;

/** How long a temporary list stays when its writer is gone, in milliseconds. */
const stageMs = 10 * 60 * 1000;

/**
 * KEYS: the list, its head, answers, a temporary list unless it is an append, and perhaps an index. ARGV: id of the operation (`c`
 * for a caller's, `s` for the store's own, and the id), fingerprint, when it was first sent by the server's clock if this
 * is not the first time (or 0), time to live (or 0), the key itself, what a Cluster's index needs, and from 7 on what the
 * operation takes.
 *
 * The head is lines of text: how many operations are remembered and the layout's state, then these operations, the oldest
 * first, `id fingerprint answer time`. An answer is `-` for none, `=` and a number, or `+` and the length of a message that
 * is kept in `answers`. Times are the server's, in milliseconds, and never fall.
 */
const opened = `
local list, head, answers = KEYS[1], KEYS[2], KEYS[3]
local id, fingerprint, since, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
-- Another program's text is refused as another type would be.
local function refuse(name) redis.call('LLEN', name) end

local text = redis.call('GET', head) or ''
`;

const rest = `
local count = redis.call('LLEN', list)
local bodies = redis.call('HLEN', answers)
local clock = redis.call('TIME')

local header = string.match(text, '^[^\\n]*')
local operations = string.sub(text, #header + 1)
local held, state = string.match(header, '^(%d+) (.*)$')
if text ~= '' and not held then refuse(head) end
held, state = tonumber(held) or 0, state or ''

local function known()
  local at = string.find(operations, '\\n' .. id .. ' ', 1, true)
  if at then
    local was, answer = string.match(operations, '^(%S+) (%S+) ', at + #id + 2)
    if was ~= fingerprint then return {'conflict'} end
    if string.sub(answer, 1, 1) ~= '+' then return {'done', answer, '', ''} end
    local body = redis.call('HGET', answers, id)
    if body then return {'done', '+', body, ''} end
    return {'gone'}
  end
  -- When all that is remembered was done after it was first sent, it may have been done and forgotten.
  if since > 0 and held == ${remembered} then
    local oldest = tonumber(string.match(operations, '^\\n%S+ %S+ %S+ (%d+)'))
    if not oldest or oldest >= since then return {'forgotten'} end
  end
end

local again = known()
if again then return again end

local function each(values, from, put)
  for i = from, #values, ${block} do
    local some = {}
    for j = i, math.min(i + ${block - 1}, #values) do some[#some + 1] = put(values[j]) end
    redis.call('RPUSH', list, unpack(some))
  end
end

-- Refused where memory has run out, while nothing has been written: later commands of a script are not.
local function needMemory() redis.call('RPUSHX', stage, '') end

-- What removes needs none, although LSET looks as if it did.
local function needNoMemory() redis.call('HDEL', answers, '') end

-- Takes the element at a position out of the middle of the list.
local function cut(at)
  needNoMemory()
  redis.call('LSET', list, at, id)
  redis.call('LREM', list, at * 2 < count and 1 or -1, id)
end

local function forgetOldest()
  local oldest, answer = string.match(operations, '^\\n(%S+) %S+ (%S+)')
  if oldest and string.sub(answer, 1, 1) == '+' then redis.call('HDEL', answers, oldest) end
  operations = string.sub(operations, string.find(operations, '\\n', 2, true) or #operations + 1)
  held = held - 1
end

-- Keeps a message as an answer, and the newest of those before it that there is room for.
local function keep(body)
  local others, room = {}, ${mostAnswerBytes} - #body
  if bodies > 0 then
    for other, length in string.gmatch(operations, '\\n(%S+) %S+ %+(%d+)') do others[#others + 1] = {other, length} end
  end
  for i = #others, 1, -1 do
    room = room - others[i][2]
    if room < 0 then redis.call('HDEL', answers, others[i][1]) end
  end
  redis.call('HSET', answers, id, body)
  bodies = bodies + 1
end

-- Remembers the operation. Answers how long its head is to outlive the list: longer with a caller's operation in it.
local function remember(answer, body, callersMs, ownMs)
  if held == ${remembered} then forgetOldest() end
  if body then keep(body) end
  local now = math.floor(clock[1] * 1000 + clock[2] / 1000)
  now = math.max(now, tonumber(string.match(operations, '%d+$', -20)) or 0)
  operations = operations .. string.format('\\n%s %s %s %.0f', id, fingerprint, answer, now)
  held = held + 1
  return string.find(operations, '\\nc', 1, true) and callersMs or ownMs
end

-- Writes the head; it and the answers expire after so many milliseconds, or never.
local function save(state, expires)
  local text = string.format('%d %s', held, state) .. operations
  if not expires then redis.call('SET', head, text)
  else
    redis.call('SET', head, text, 'PX', expires)
    if bodies > 0 then redis.call('PEXPIRE', answers, expires) end
  end
end
`;

/** What a mutation begins with. */
export const mutation = `local stage, index = KEYS[4], KEYS[5]${opened}${rest}`;

export interface UsualAppend {
  /** The head's first line, but for how many operations it remembers; what it captures `push` gets as `a`, `b` and `c`. */
  readonly state: string;
  /**
   * Puts the payloads into the list by RPUSHX, which does nothing where there is none, and returns before anything was
   * written when this append is not usual. What is new in the head is in `a`, `b` and `c` then.
   */
  readonly push: string;
  /** How many milliseconds from now the head expires, or nothing: of `ttl`, and `later`, one of the two below. */
  readonly expires: string;
  readonly callersMs: number;
  readonly ownMs: number;
}

/**
 * What an append begins with. To a conversation that goes on, of an operation that is sent for the first time, with no
 * removed message among the answers, it is done with fewer commands and less work; else the script goes on. Strings are
 * what costs: Lua reads every byte of each that is made.
 */
export const append = ({ state, push, expires, callersMs, ownMs }: UsualAppend) => `local index = KEYS[4]${opened}
local function usual()
  local held, a, b, c, line = string.match(text, '^(%d+) ${state}()\\n')
  if not line or since > 0 or string.find(text, '+', line, true) then return end
  if string.find(text, '\\n' .. id .. ' ', line, true) then return end
${push}
  local oldest = line
  if held == '${remembered}' then oldest = string.find(text, '\\n', line + 1, true) or #text + 1 else held = held + 1 end
  local later = ${ownMs}
  if string.byte(id) == 99 or string.find(text, '\\nc', oldest, true) then later = ${callersMs} end
  -- As texts, which have 13 digits until 2286.
  local clock = redis.call('TIME')
  local now, last = clock[1] .. string.sub('000000' .. clock[2], -6, -4), string.sub(text, -13)
  if now < last then now = last end
  local expires = ${expires}
  text = held .. ' ' .. a .. b .. c .. string.sub(text, oldest) .. '\\n' .. id .. ' ' .. fingerprint .. ' - ' .. now
  if ttl > 0 then redis.call('PEXPIRE', list, ARGV[4]) end
  if expires then redis.call('SET', head, text, 'PX', string.format('%d', expires)) else redis.call('SET', head, text) end
  return 1
end
local done = usual()
if done then return done end
${rest}`;

/** KEYS: the list, its head, answers. A write without effect keeps a replica from answering. */
export const read = `
local list, head, answers = KEYS[1], KEYS[2], KEYS[3]
redis.call('HDEL', answers, '')
local count = redis.call('LLEN', list)
`;

/** Longer pages are read piece by piece. */
export const mostAtOnce = 100;

/**
 * The newest page, when it is short. KEYS: the list, its head, answers. ARGV: limit, bytes. Answers the cursor of what is
 * older, or nothing, and the elements, oldest first; or `long`. One more element than asked for tells whether some are older.
 */
export function newestPage(element: string, cursor: string): Script {
  return {
    name: "read the newest",
    source: `
local list, head, answers = KEYS[1], KEYS[2], KEYS[3]
redis.call('HDEL', answers, '')
local limit, size = tonumber(ARGV[1]), 0
local page = redis.call('LRANGE', list, -limit - 1, -1)
for i = 1, #page do size = size + #page[i] end
if size > tonumber(ARGV[2]) then return 'long' end
if #page > limit then page[1] = ${cursor} else table.insert(page, 1, '') end
${element}return page
`,
  };
}

/**
 * The elements before position `last`, newest first, down to position `first` or until they have `budget` bytes. Answers
 * them, and the position of the oldest.
 */
export const readBack = `
local function back(first, last, budget, out)
  local size, start, taken = 0, last, 0
  while start > first do
    local some = redis.call('LRANGE', list, math.max(first, start - 100), start - 1)
    for i = #some, 1, -1 do
      size = size + #some[i]
      if size > budget and taken > 0 then return start end
      out[#out + 1] = some[i]
      taken = taken + 1
      start = start - 1
    end
  end
  return start
end
`;

/** The elements from position `first` on, oldest first, up to position `last` or until they have `budget` bytes. */
export const readOn = `
local function on(first, last, budget, out)
  local size, stop, taken = 0, first, 0
  while stop < last do
    local some = redis.call('LRANGE', list, stop, math.min(last, stop + 100) - 1)
    if #some == 0 then return stop end
    for i = 1, #some do
      size = size + #some[i]
      if size > budget and taken > 0 then return stop end
      out[#out + 1] = some[i]
      taken = taken + 1
      stop = stop + 1
    end
  end
  return stop
end
`;

/**
 * KEYS: the temporary list. ARGV: how many it holds before, and payloads; `element` is what becomes of the one at `j`. A
 * repeated one changes nothing.
 */
export function stageScript(element: string): Script {
  return {
    name: "stage",
    source: `
local have, offset = redis.call('LLEN', KEYS[1]), tonumber(ARGV[1])
if have < offset then return 'lost' end
if have == offset then
  for i = 2, #ARGV, ${block} do
    local some = {}
    for j = i, math.min(i + ${block - 1}, #ARGV) do some[#some + 1] = ${element} end
    redis.call('RPUSH', KEYS[1], unpack(some))
  end
end
redis.call('PEXPIRE', KEYS[1], ${stageMs})
return 'staged'
`,
  };
}

export const stage = stageScript("ARGV[j]");

/** ARGV[7]: how many must have been staged. */
export const staged = `
local expected = tonumber(ARGV[7])
if redis.call('LLEN', stage) ~= expected then return {'lost'} end
`;

/** KEYS: answers. The server's time, in milliseconds. */
export const time: Script = {
  name: "time",
  source: `
redis.call('HDEL', KEYS[1], '')
local clock = redis.call('TIME')
return string.format('%.0f', math.floor(clock[1] * 1000 + clock[2] / 1000))
`,
};

/** KEYS: the list, its head, answers. */
export const count: Script = { name: "count", source: `${read}\nreturn count` };
