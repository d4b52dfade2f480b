-- session_close: ends a session in two steps, with the final flush between them; or takes it out of play.
-- requires: node, view
-- flags: allow-oom
-- KEYS: session, journal, done, fence, due
-- ARGV: step, epoch, seq, lease_ms, dead_epoch
-- returns: {"OK", epoch, seq, flushed_seq, 1 if it was opened on this node as it is ("finish")} | {"ABSENT"} | {"CHANGED", status, epoch, seq}
-- journal: deleted with the session, after its last entry was flushed
--
-- step "begin"  LIVE becomes CLOSING, so that commands stop; already CLOSING is resumed. With a
--               seq, only if the session is still at it and claimed (an idle one that came alive stays).
-- step "resume" the same, but only of what is CLOSING: a load may have made it live again since it was seen.
-- step "finish" deletes, if the session is still CLOSING at this epoch and seq; the fence keeps
--               loads that were read before from bringing it back.
-- step "cancel" CLOSING at this epoch becomes LIVE again: the final flush failed.
-- step "discard" deletes, if the session is QUARANTINED at this epoch and seq: PostgreSQL's state counts.
--               The fence is dead_epoch at the least, also where there is no session, so that no load
--               that was begun before brings one.
-- step "quarantine" whatever it is becomes QUARANTINED: PostgreSQL refuses what it has, so it takes
--               no more; it is kept as it is until an operator has looked, and no flusher tries again.
--
-- Numbers of a damaged head are taken for 0, so that an operator can be rid of the session.

local FENCE_KEPT_S = 3600

local function raise_fence(fence, epoch)
  redis.call('SET', fence, math.max(epoch, tonumber(redis.call('GET', fence) or 0)), 'EX', FENCE_KEPT_S)
end

local function session_close(keys, args)
  local session, journal, done, fence, due = unpack(keys)
  local step, epoch, seq, lease_ms, dead_epoch = unpack(args, 1, 5)
  local head = redis.call('HMGET', session, 'status', 'epoch', 'seq', 'flushed_seq', 'gen')
  local status, own_epoch, own_seq = head[1], view.number(head[2]) or 0, view.number(head[3]) or 0
  local own_flushed_seq = view.number(head[4]) or 0
  local member = view.char_id(session)
  if not status then
    if step == 'discard' then
      raise_fence(fence, tonumber(dead_epoch))
    end
    redis.call('ZREM', due, member)
    return {'ABSENT'}
  end
  if step == 'quarantine' then
    redis.call('HSET', session, 'status', '"QUARANTINED"')
    redis.call('ZREM', due, member)
    return {'OK', own_epoch, own_seq, own_flushed_seq}
  end
  if step == 'begin' or step == 'resume' then
    if status == '"QUARANTINED"' or step == 'resume' and status ~= '"CLOSING"' then
      return {'CHANGED', status, own_epoch, own_seq}
    end
    if status == '"LIVE"' and seq ~= '' then
      -- Whoever claimed it as idle has moved its turn by a lease; further off, it has been played
      -- and flushed since.
      local turn_ms = tonumber(redis.call('ZSCORE', due, member) or 0)
      if tonumber(seq) ~= own_seq or turn_ms > node.now_ms() + lease_ms then
        return {'CHANGED', status, own_epoch, own_seq}
      end
    end
    redis.call('HSET', session, 'status', '"CLOSING"')
    redis.call('ZADD', due, node.now_ms() + lease_ms, member)
    return {'OK', own_epoch, own_seq, own_flushed_seq}
  end
  local ending = step == 'discard' and '"QUARANTINED"' or '"CLOSING"'
  if status ~= ending or tonumber(epoch) ~= own_epoch then
    return {'CHANGED', status, own_epoch, own_seq}
  end
  if step == 'cancel' then
    redis.call('HSET', session, 'status', '"LIVE"')
    redis.call('ZADD', due, node.now_ms() + lease_ms, member)
    return {'OK', own_epoch, own_seq, own_flushed_seq}
  end
  if tonumber(seq) ~= own_seq then
    return {'CHANGED', status, own_epoch, own_seq}
  end
  redis.call('DEL', session, journal, done)
  raise_fence(fence, math.max(own_epoch, tonumber(dead_epoch or 0)))
  redis.call('ZREM', due, member)
  local of_this_node = head[5] == '"' .. node.gen(node.now_ms()) .. '"'
  return {'OK', own_epoch, own_seq, own_seq, of_this_node and 1 or 0}
end
