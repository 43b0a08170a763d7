-- What all workers share of budgets: the leases of one generation of the pool, as far as nobody has taken anything of them.
--
-- KEYS[1]: a hash. "generation": which one it is; "server": where it was made. Any other field is a budget in a window; it says
-- the lease's number, what is left, the budget's revision, what a worker might have of the rest, and when it was last used (µs).
-- ARGV[1] is what to do, ARGV[2] the generation that the worker knows, and then
--   "take"    how many workers there are, and for each budget: field, needed, wanted, revision. All of it is granted, or nothing;
--             then those that have too little are emptied. Answer: 1 and for each budget the lease, the amount and the share;
--             or 0 and for each that was emptied the field, the lease and the amount
--   "put"     for each budget: field, lease, amount, revision, share. Answer: 1
--   "empty"   the fields. Answer: 1, and as above
--   "rest"    how long (µs): those that were not used for so long are emptied. Answer: 1, and as above
--   "begin"   Answer: 1; 0 when it is here already, or a later one
-- The answer is -1 when the generation is another one, or was made by another server: this one may have an old copy of it, since
-- replicas lag and files are older than memory. A server has an id of its own after each start, and another one after each time
-- that it becomes the master.
-- Amounts are integers below 2^53.
local key, verb, known = KEYS[1], ARGV[1], tonumber(ARGV[2])
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local server = string.match(info, 'run_id:(%x+)') .. string.match(info, 'master_replid:(%x+)')
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local here = redis.call('HMGET', key, 'generation', 'server')
local generation = tonumber(here[1] or 0)

if verb == 'begin' then
  if here[2] == server and generation >= known then
    return {0}
  end
  redis.call('DEL', key)
  redis.call('HSET', key, 'generation', string.format('%.0f', known), 'server', server)
  return {1}
end
if generation ~= known or here[2] ~= server then
  return {-1}
end

local function read(field)
  local text = redis.call('HGET', key, field)
  if not text then
    return nil
  end
  local lease, left, revision, share, used = string.match(text, '^(%d+) (%d+) (%d+) (-?%d+) (%d+)$')
  return {lease = lease, left = tonumber(left), revision = revision, share = share, used = tonumber(used)}
end

local function write(field, pool)
  redis.call('HSET', key, field, string.format('%s %.0f %s %s %.0f', pool.lease, pool.left, pool.revision, pool.share, now))
end

local function empty(field, pool, answer)
  redis.call('HDEL', key, field)
  table.insert(answer, field)
  table.insert(answer, tonumber(pool.lease))
  table.insert(answer, pool.left)
end

if verb == 'take' then
  local workers = tonumber(ARGV[3])
  local pools, short = {}, {0}
  local lacking = false
  for at = 4, #ARGV, 4 do
    local pool = read(ARGV[at])
    if not pool then
      lacking = true
    elseif pool.left < tonumber(ARGV[at + 1]) or pool.revision ~= ARGV[at + 3] then
      lacking = true
      empty(ARGV[at], pool, short)
    else
      pools[at] = pool
    end
  end
  if lacking then
    return short
  end
  local granted = {1}
  for at = 4, #ARGV, 4 do
    local pool = pools[at]
    local need, want = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local amount = math.max(need, math.min(want, math.floor(pool.left / (2 * workers))))
    pool.left = pool.left - amount
    write(ARGV[at], pool)
    table.insert(granted, tonumber(pool.lease))
    table.insert(granted, amount)
    table.insert(granted, pool.share)
  end
  return granted
end

if verb == 'put' then
  for at = 3, #ARGV, 5 do
    local pool = read(ARGV[at])
    local left = tonumber(ARGV[at + 2])
    if pool and pool.lease == ARGV[at + 1] then
      left = left + pool.left
    end
    write(ARGV[at], {lease = ARGV[at + 1], left = left, revision = ARGV[at + 3], share = ARGV[at + 4]})
  end
  return {1}
end

local answer = {1}
local idle = verb == 'rest' and tonumber(ARGV[3]) or 0
local fields = verb == 'rest' and redis.call('HKEYS', key) or {unpack(ARGV, 3)}
for _, field in ipairs(fields) do
  local pool = field ~= 'generation' and field ~= 'server' and read(field)
  if pool and math.abs(now - pool.used) >= idle then
    empty(field, pool, answer)
  end
end
return answer
