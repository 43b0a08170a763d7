-- One round of one machine: what it tells of its circuits, and what is news to it.
--
-- KEYS  1  a hash: digest -> state, packed; and 'epoch', 'number'
--       2  a sorted set: digest by the number of its last news
-- ARGV  1  the machine   2  the epoch that it knows   3  its cursor   4  a new epoch, if there is none
--       5  how many circuits are kept   6  how many news are told   7  µs that a permit holds
--       8  µs that a permit is kept by a machine that does not use it, when another one wants it
--       9  µs for which a want counts as one of now
--       then seven for each circuit: digest, base, kind, age, left, changed, wants
--
-- A state: number, kind, since, until, span; the permit: holder, since when, until when, when another machine last
-- wanted it.
-- All times are this server's, in µs.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local machine, known = ARGV[1], ARGV[2]
local keeps, tells = tonumber(ARGV[5]), ARGV[6]
local holds, patience, recent = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local NUMBER, KIND, SINCE, UNTIL, SPAN, HOLDER, HELD, EXPIRES, RIVAL = 1, 2, 3, 4, 5, 6, 7, 8, 9

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[4]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local same = epoch == known

local function load(digest)
  local packed = redis.call('HGET', KEYS[1], digest)
  return packed and cmsgpack.unpack(packed)
end

local function left(state)
  -- More than there ever was: the clock has been set back, and nobody knows how far.
  local rest = state[UNTIL] - now
  return rest > state[SPAN] and 0 or rest
end

local function may_probe(state)
  if state[KIND] == 0 or left(state) > 0 then return false end
  local rest = state[EXPIRES] - now
  local free = rest <= 0 or rest > holds
  if state[HOLDER] == machine then
    local contested = math.abs(now - state[RIVAL]) < recent
    if contested and math.abs(now - state[HELD]) > patience then return false end
    if free then state[HELD] = now end
  elseif free then
    state[HOLDER], state[HELD], state[RIVAL] = machine, now, 0
  else
    state[RIVAL] = now
    return false
  end
  state[EXPIRES] = now + holds
  return true
end

local heard, stored = {}, false
for at = 10, #ARGV, 7 do
  local digest, base, kind = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local since, span = now - tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local changed, wants = ARGV[at + 5] == '1', ARGV[at + 6] == '1'
  local state = load(digest)
  local follows = state and same and state[NUMBER] == base
  local number, permit, touched = 0, 0, false
  if (not state and kind > 0) or (state and changed and (follows or since > state[SINCE])) then
    number = redis.call('HINCRBY', KEYS[1], 'number', 1)
    state = {number, kind, since, now + span, math.max(span, 0), '', 0, 0, 0}
    redis.call('ZADD', KEYS[2], number, digest)
    touched = true
  end
  if wants and state then
    if may_probe(state) then permit = 1 end
    touched = true
  end
  if touched then
    redis.call('HSET', KEYS[1], digest, cmsgpack.pack(state))
    stored = true
  end
  heard[#heard + 1] = number
  heard[#heard + 1] = permit
end

if stored then
  local over = redis.call('ZCARD', KEYS[2]) - keeps
  if over > 0 then
    for _, digest in ipairs(redis.call('ZRANGE', KEYS[2], 0, over - 1)) do
      redis.call('HDEL', KEYS[1], digest)
      redis.call('ZREM', KEYS[2], digest)
    end
  end
  -- No state lasts longer than a day and a fifth.
  redis.call('PEXPIRE', KEYS[1], 172800000)
  redis.call('PEXPIRE', KEYS[2], 172800000)
end

local cursor, news = same and ARGV[3] or '0', {}
for _, digest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. cursor, '+inf', 'LIMIT', 0, tells)) do
  local state = load(digest)
  if state then
    cursor = tostring(state[NUMBER])
    news[#news + 1] = digest
    news[#news + 1] = state[NUMBER]
    news[#news + 1] = state[KIND]
    news[#news + 1] = math.max(0, now - state[SINCE])
    news[#news + 1] = left(state)
  end
end
return {epoch, tonumber(cursor), heard, news}
