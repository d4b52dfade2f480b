-- adoption: a session that has what PostgreSQL has, and perhaps more, is taken over as it is.
-- requires: view

local adoption = {}

-- own: what the session has of epoch, seq, flushed_seq, gen and incarnation. load: what PostgreSQL has of
-- epoch, seq, incarnation and line, and this node's gen.

function adoption.own(epoch, seq, flushed_seq, gen, incarnation)
  -- From the fields of a head, which may be damaged.
  return {
    epoch = view.number(epoch) or 0, seq = view.number(seq), flushed_seq = view.number(flushed_seq), gen = gen,
    incarnation = incarnation, is_damaged = not (view.number(epoch) and view.number(incarnation)),
  }
end

function adoption.is_behind(own, load)
  if own.is_damaged or not own.seq or not own.flushed_seq then
    -- Nobody can say what it has.
    return true
  end
  -- Or the two went on from one seq, each by itself: what PostgreSQL got since, it got from another
  -- incarnation than this one, as when a node came back after another had been played on.
  return load.seq > own.seq
    or load.seq > own.flushed_seq and load.line ~= '' and tonumber(load.line) ~= tonumber(own.incarnation)
end

function adoption.take(keys, own, load, now_ms)
  local session, journal, due, member = unpack(keys)
  local flushed = math.max(own.flushed_seq, load.seq)
  if flushed > own.flushed_seq then
    redis.call('LTRIM', journal, flushed - own.flushed_seq, -1)
  end
  if own.gen ~= '"' .. load.gen .. '"' then
    -- The node came back, perhaps without the last commands it had answered: the seqs that follow
    -- may stand for other content than before.
    redis.call('HSET', session, 'incarnation', load.incarnation)
  end
  redis.call('HSET', session, 'status', '"LIVE"', 'gen', '"' .. load.gen .. '"', 'epoch', load.epoch, 'flushed_seq', flushed)
  if flushed == own.seq then
    redis.call('HDEL', session, 'dirty_since')
    redis.call('ZADD', due, now_ms + load.idle_evict_ms, member)
  else
    redis.call('ZADD', due, now_ms, member)
  end
  return {'ADOPTED', own.seq, flushed}
end
