-- work_claim: leases the sessions that need attention: a flush, the rest of a close, an idle eviction.
-- requires: node
-- flags: allow-oom
-- KEYS: due
-- ARGV: limit, lease_ms, horizon_ms
-- returns: {char_id, …}, longest due first, those due within the horizon; their scores move to the lease's end

local function work_claim(keys, args)
  local due = unpack(keys)
  local limit, lease_ms, horizon_ms = unpack(args, 1, 3)
  local now_ms = node.now_ms()
  local members = redis.call('ZRANGEBYSCORE', due, '-inf', now_ms + horizon_ms, 'LIMIT', 0, limit)
  for _, member in ipairs(members) do
    redis.call('ZADD', due, now_ms + lease_ms, member)
  end
  return members
end
