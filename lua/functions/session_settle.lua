-- session_settle: lets sessions forget the journal entries that PostgreSQL has, many in one call.
-- requires: node, view
-- flags: allow-oom
-- KEYS: due, then session and journal of each
-- ARGV: flush_interval_ms, idle_evict_ms, then epoch and settled_seq of each
-- returns: {seq, flushed_seq of each}, both -1 where there is no session
-- journal: trimmed up to exactly what was flushed, never beyond

local function settle(session, journal, epoch, settled, now_ms)
  -- Answers with seq and flushed_seq, and whether the session's turn in the due queue moves.
  local head = redis.call('HMGET', session, 'seq', 'flushed_seq', 'status', 'epoch')
  if not head[1] then
    return -1, -1, false
  end
  local seq, flushed = tonumber(head[1]), tonumber(head[2])
  -- A late message about an earlier flush, or about a state that this session is not a
  -- continuation of, trims nothing. Who has taken over a newer epoch was told then what is flushed.
  if tonumber(epoch) ~= tonumber(head[4]) or settled <= flushed or settled > seq then
    return seq, flushed, false
  end
  redis.call('LTRIM', journal, settled - flushed, -1)
  if settled < seq then
    redis.call('HSET', session, 'flushed_seq', settled, 'dirty_since', now_ms)
    -- What is quarantined has no turn any more, though a flush of it may have been under way.
    return seq, settled, head[3] ~= '"QUARANTINED"'
  end
  redis.call('HSET', session, 'flushed_seq', settled)
  redis.call('HDEL', session, 'dirty_since')
  -- A close under way keeps its lease, so that another can resume it.
  return seq, settled, head[3] == '"LIVE"'
end

local function session_settle(keys, args)
  local due = unpack(keys, 1, 1)
  local flush_interval_ms, idle_evict_ms = unpack(args, 1, 2)
  local now_ms = node.now_ms()
  local told, turns = {}, {}
  for index = 2, #keys, 2 do
    local session, settled_seq = keys[index], tonumber(args[index + 2])
    local seq, flushed, moves = settle(session, keys[index + 1], args[index + 1], settled_seq, now_ms)
    told[index - 1], told[index] = seq, flushed
    if moves then
      turns[#turns + 1] = now_ms + (flushed < seq and flush_interval_ms or idle_evict_ms)
      turns[#turns + 1] = view.char_id(session)
    end
  end
  if #turns > 0 then
    redis.call('ZADD', due, unpack(turns))
  end
  return told
end
