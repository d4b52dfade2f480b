-- session_adopt: lets a session go on under a newer epoch, or on a node that came back, without its rows.
-- requires: adoption, node, view
-- flags: allow-oom
-- KEYS: session, journal, due
-- ARGV: gen, read_at_ms, epoch, seq, incarnation, line, idle_evict_ms
-- returns: {"ADOPTED" | "KEPT", seq, flushed_seq} | {"RETRY"} | {"ABSENT"} | {"BEHIND"}
-- journal: trimmed to what PostgreSQL has not
--
-- What a flush needs when a load has raised the epoch and not come to its end. It asks for next to no
-- memory, so a server that has none left can still be emptied. A session that is behind is left for a load.

local function session_adopt(keys, args)
  local session, journal, due = unpack(keys)
  local gen, read_at_ms, epoch, seq, incarnation, line, idle_evict_ms = unpack(args, 1, 7)
  local now_ms = node.now_ms()
  if node.is_late(gen, read_at_ms, now_ms) then
    return {'RETRY'}
  end
  local head = redis.call('HMGET', session, 'epoch', 'seq', 'flushed_seq', 'gen', 'incarnation')
  local own = adoption.own(head[1], head[2], head[3], head[4], head[5])
  if not head[1] then
    return {'ABSENT'}
  elseif tonumber(epoch) <= own.epoch then
    return {'KEPT', own.seq, own.flushed_seq}
  end
  local load = {
    gen = gen, epoch = epoch, seq = tonumber(seq), incarnation = incarnation, line = line, idle_evict_ms = idle_evict_ms,
  }
  if adoption.is_behind(own, load) then
    return {'BEHIND'}
  end
  return adoption.take({session, journal, due, view.char_id(session)}, own, load, now_ms)
end
