-- session_probe: where a session stands, and which node this is at what time.
-- requires: node
-- flags: no-writes
-- KEYS: session
-- ARGV:
-- returns: {gen, now_ms, status, session gen, epoch, incarnation, seq, flushed_seq, dirty_since, ruleset, catalog}; what is absent is ""

local PROBED = {
  'status', 'gen', 'epoch', 'incarnation', 'seq', 'flushed_seq', 'dirty_since', 'ruleset', 'catalog',
}

local function session_probe(keys, args)
  local session = unpack(keys)
  local now_ms = node.now_ms()
  local answer = {node.gen(now_ms), tostring(now_ms)}
  for index, value in ipairs(redis.call('HMGET', session, unpack(PROBED))) do
    answer[index + 2] = value or ''
  end
  return answer
end
