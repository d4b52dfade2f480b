-- work_claim: leases the sessions that need attention: a flush, the rest of a close, an idle eviction.
-- requires: node
-- flags: allow-oom
-- KEYS: due
-- ARGV: limit, lease_ms, horizon_ms
-- returns: {char_id, …}, longest due first, those due within the horizon; their scores move to the lease's end

local CLAIMED_AT_ONCE = 1000

local function work_claim(keys, args)
  local due = unpack(keys)
  local limit, lease_ms, horizon_ms = unpack(args, 1, 3)
  local now_ms = node.now_ms()
  local members = redis.call('ZRANGEBYSCORE', due, '-inf', now_ms + horizon_ms, 'LIMIT', 0, limit)
  for first = 1, #members, CLAIMED_AT_ONCE do
    local turns = {}
    for index = first, math.min(first + CLAIMED_AT_ONCE - 1, #members) do
      turns[#turns + 1], turns[#turns + 2] = now_ms + lease_ms, members[index]
    end
    redis.call('ZADD', due, unpack(turns))
  end
  return members
end
