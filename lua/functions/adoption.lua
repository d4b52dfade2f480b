-- adoption: a session that has what PostgreSQL has, and perhaps more, is taken over as it is.
-- requires:

local adoption = {}

function adoption.take(keys, head, load, now_ms)
  -- head: what the session has of seq, flushed_seq and gen. load: what PostgreSQL has, and this node's gen.
  local session, journal, due, member = unpack(keys)
  local own_seq, own_flushed = tonumber(head.seq), tonumber(head.flushed_seq)
  local flushed = math.max(own_flushed, load.seq)
  if flushed > own_flushed then
    redis.call('LTRIM', journal, flushed - own_flushed, -1)
  end
  if head.gen ~= '"' .. load.gen .. '"' then
    -- The node came back, perhaps without the last commands it had answered: the seqs that follow
    -- may stand for other content than before.
    redis.call('HSET', session, 'incarnation', load.incarnation)
  end
  redis.call('HSET', session, 'status', '"LIVE"', 'gen', '"' .. load.gen .. '"', 'epoch', load.epoch, 'flushed_seq', flushed)
  if flushed == own_seq then
    redis.call('HDEL', session, 'dirty_since')
    redis.call('ZADD', due, now_ms + load.idle_evict_ms, member)
  else
    redis.call('ZADD', due, now_ms, member)
  end
  return {'ADOPTED', own_seq, flushed}
end
