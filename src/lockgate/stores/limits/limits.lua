-- Limits that several machines share, one hash each; all of one tenant, so all in one slot of a cluster.
--
-- KEYS: the limits. ARGV: how many machines there are, then for each key either
--   "rate", ticks, unit, cap, life (µs), least, need, more, debt, stamp, how many settlements, and of each: term, units, used
--   "places", value, machine, running, need, more, life (µs)
-- Answer: five integers for each key: granted, µs to wait, term, debt, the server's time (µs).
--
-- The arithmetic of a rate is that of policy/gcra.py. All numbers are integers below 2^53. Of what is needed, what there is room
-- for is granted, and nothing when that is less than `least`; `more` is granted beside it. What is granted is not used now but in
-- a while: what is needed within `SOON`, what is more within `life`, after it was asked for. It is charged as if it were used at
-- the very end: the debt is lifted to what will have drained by then, which costs nothing while a limit is in use. While
-- something may still be used so late (`late`), no settlement brings the debt under what keeps that true. A cell that is not
-- there begins with the debt that the asking machine last saw, so that losing it gives nobody a second burst.
local SOON = 50000
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local machines = tonumber(ARGV[1])
local at = 1

local function argument()
  at = at + 1
  return ARGV[at]
end

local function number()
  return tonumber(argument())
end

local function rate(key)
  local ticks, unit, cap, life = number(), number(), number(), number()
  local least, need, more, seen, since = number(), number(), number(), number(), number()
  local cell = redis.call('HMGET', key, 'unit', 'stamp', 'debt', 'settled', 'held', 'term', 'late')
  local old, stamp, debt, settled = tonumber(cell[1]), tonumber(cell[2]), tonumber(cell[3]), tonumber(cell[4])
  local held, term, late = tonumber(cell[5]), tonumber(cell[6]), tonumber(cell[7])
  if not old then
    old, stamp, debt, settled, held, term, late = unit, since, seen, seen, 0, now, 0
  end
  if old ~= unit then
    debt, settled, held = math.ceil(debt * unit / old), math.ceil(settled * unit / old), math.ceil(held * unit / old)
  end
  if stamp > now then -- the clock was set back: nothing has drained, and it counts from here
    late = math.min(late, now + life)
  else
    debt = math.max(0, debt - (now - stamp) * ticks)
    settled = math.max(0, settled - (now - stamp) * ticks)
  end

  for _ = 1, number() do
    local of, units, used = number(), number() * unit, number() * unit
    local excess = math.max(0, used - units)
    debt = debt + excess
    if of == term then
      held = math.max(0, held - units)
      settled = settled + used
    else
      settled = settled + excess
    end
  end
  local bottom = settled + held
  if late > now then
    bottom = math.max(bottom, (late - now) * ticks + held)
  end
  debt = math.min(debt, bottom)

  local granted, wait = 0, 0
  if need > 0 or more > 0 then
    if debt == 0 then
      settled, held, term = 0, 0, math.max(term + 1, now)
    end
    local lifted = math.max(debt, SOON * ticks)
    local room = math.floor((cap - lifted) / unit)
    if room < least then -- a limit so small, or so fast, that there is no room beside the lift, is not lifted
      lifted = debt
      room = math.min(least, math.floor((cap - debt) / unit))
    end
    if room < least then
      wait = math.ceil((debt + least * unit - cap) / ticks)
    else
      granted = math.max(0, math.min(need, room))
      local high = math.max(debt, life * ticks)
      local spare = math.min(more, math.floor((math.floor((cap - high) / unit) - need) / (2 * machines)))
      if spare > 0 then
        granted, lifted = need + spare, high
      end
      if granted > 0 then
        debt, late = lifted, math.max(late, now + (spare > 0 and life or SOON))
      end
      debt = debt + granted * unit
      held = held + granted * unit
    end
  end
  redis.call('HSET', key, 'unit', unit, 'stamp', now, 'debt', debt, 'settled', settled, 'held', held, 'term', term,
    'late', late)
  redis.call('PEXPIRE', key, math.ceil(debt / ticks / 1000) + 60000)
  return granted, wait, term, debt
end

local function places(key)
  local value, machine, running, need, more, life = number(), argument(), number(), number(), number(), number()
  local room = value
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local count, ends = string.match(all[i + 1], '^(%d+):(%d+)$')
    if not count or tonumber(ends) < now then
      redis.call('HDEL', key, all[i])
    elseif all[i] ~= machine then
      room = room - tonumber(count)
    end
  end
  local wanted = running + need
  local spare = math.max(0, math.floor((room - wanted) / (2 * machines)))
  local granted = math.max(running, math.min(room, wanted + math.min(more, spare)))
  if granted > 0 then
    redis.call('HSET', key, machine, string.format('%d:%d', granted, now + life))
    redis.call('PEXPIRE', key, math.ceil(life / 1000) + 60000)
  else
    redis.call('HDEL', key, machine)
  end
  return granted, 0, 0, 0
end

local answer = {}
for i = 1, #KEYS do
  local granted, wait, term, debt
  if argument() == 'rate' then
    granted, wait, term, debt = rate(KEYS[i])
  else
    granted, wait, term, debt = places(KEYS[i])
  end
  for _, each in ipairs({granted, wait, term, debt, now}) do
    answer[#answer + 1] = each
  end
end
return answer
