-- session_settle: forgets the journal entries that PostgreSQL has.
-- requires: node, view
-- flags: allow-oom
-- KEYS: session, journal, due
-- ARGV: epoch, settled_seq, flush_interval_ms, idle_evict_ms
-- returns: {seq, flushed_seq} | {} when there is no session
-- journal: trimmed up to exactly what was flushed, never beyond

local function session_settle(keys, args)
  local session, journal, due = unpack(keys)
  local epoch, settled_seq, flush_interval_ms, idle_evict_ms = unpack(args, 1, 4)
  local settled = tonumber(settled_seq)
  local head = redis.call('HMGET', session, 'seq', 'flushed_seq', 'status', 'epoch')
  if not head[1] then
    return {}
  end
  local seq, flushed = tonumber(head[1]), tonumber(head[2])
  -- A late message about an earlier flush, or about a state that this session is not a
  -- continuation of, trims nothing. Who has taken over a newer epoch was told then what is flushed.
  if tonumber(epoch) ~= tonumber(head[4]) or settled <= flushed or settled > seq then
    return {seq, flushed}
  end
  local now_ms = node.now_ms()
  local member = view.char_id(session)
  redis.call('LTRIM', journal, settled - flushed, -1)
  redis.call('HSET', session, 'flushed_seq', settled)
  if settled < seq then
    redis.call('HSET', session, 'dirty_since', now_ms)
    -- What is quarantined has no turn any more, though a flush of it may have been under way.
    if head[3] ~= '"QUARANTINED"' then
      redis.call('ZADD', due, now_ms + flush_interval_ms, member)
    end
  else
    redis.call('HDEL', session, 'dirty_since')
    -- A close under way keeps its lease, so that another can resume it.
    if head[3] == '"LIVE"' then
      redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    end
  end
  return {seq, settled}
end
