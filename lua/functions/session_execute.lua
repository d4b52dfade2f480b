-- session_execute: applies a call's commands to a live session, all or nothing.
-- requires: apply, call, codec, draft, quick, reads, reply, view
-- flags:
-- KEYS: session, journal, done, due
-- ARGV: catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, unflushed_max_ms, id_prefix, commands, then template_id and facts in turn
-- returns: {"OK", reply body, seq, incarnation} | {"REPLAYED", reply body, seq, incarnation} | {"REFUSED", code, params, op_index}
--          | {"RELOAD", reason} | {"STALE_CATALOG"} | {"TAG_MISMATCH", tag} | {"IDEMPOTENCY_MISMATCH"} | {"BACKPRESSURE", unflushed_ms}
-- journal: one entry for a call that is applied, nothing for any other

local function session_execute(keys, args)
  local session, journal, done, due = unpack(keys)
  local catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, unflushed_max_ms, id_prefix, commands = unpack(args, 1, 9)
  local item_id, container, slot = quick.command(commands)
  local decoded = not item_id and cjson.decode(commands)
  local named = item_id and quick.named(item_id, container, slot) or reads.named(decoded)
  local head, now_ms = call.open(session, named)
  local answer = call.refusal(head, now_ms, done, args)
  if answer then
    return answer
  end
  if item_id then
    local function read(...)
      return redis.call('HMGET', session, ...)
    end
    local set, gone, changes, capacity = quick.move(head, read, item_id, container, slot)
    if set then
      return call.finish(head, now_ms, keys, args, set, gone, changes, '', capacity)
    end
    decoded = cjson.decode(commands)
  end

  local templates = {}
  for index = 10, #args, 2 do
    templates[args[index]] = args[index + 1]
  end
  local d = draft.new(call.fields(session, head, named), view.fetch, templates, id_prefix)
  reads.follow(d, decoded)
  local refusal = apply(d, decoded)
  if refusal then
    return {'REFUSED', refusal.code, cjson.encode(refusal.params), refusal.op_index}
  end

  local set, gone = {}, {}
  local changed, removed = draft.store(d, set, gone)
  local actor_text = d.new_actor and codec.actor_text(d.new_actor)
  if actor_text == d.fields.actor then
    actor_text = nil
  elseif actor_text then
    set[#set + 1], set[#set + 2] = 'actor', actor_text
  end
  local changes = reply.changes(changed, removed, actor_text)
  return call.finish(head, now_ms, keys, args, set, gone, changes, reply.told(d), reply.capacity(d))
end
