-- session_execute: applies a call's commands to a live session, all or nothing.
-- requires: apply, call, draft, reply, codec
-- flags:
-- KEYS: session, journal, done, due
-- ARGV: catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, unflushed_max_ms, id_prefix, commands, then template_id and facts in turn
-- returns: {"OK", reply body, seq, incarnation} | {"REPLAYED", reply body, seq, incarnation} | {"REFUSED", code, params, op_index}
--          | {"RELOAD", reason} | {"STALE_CATALOG"} | {"TAG_MISMATCH", tag} | {"IDEMPOTENCY_MISMATCH"} | {"BACKPRESSURE", unflushed_ms}
-- journal: one entry for a call that is applied, nothing for any other

local function session_execute(keys, args)
  local session, journal, done, due = unpack(keys)
  local catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, unflushed_max_ms, id_prefix, commands = unpack(args, 1, 9)
  local fields, now_ms = call.open(session)
  local answer = call.refusal(fields, now_ms, done, args)
  if answer then
    return answer
  end

  local templates = {}
  for index = 10, #args, 2 do
    templates[args[index]] = args[index + 1]
  end
  local d = draft.new(fields, templates, id_prefix)
  local refusal = apply(d, cjson.decode(commands))
  if refusal then
    return {'REFUSED', refusal.code, cjson.encode(refusal.params), refusal.op_index}
  end

  local changed, removed = draft.store(d)
  local actor_text = d.new_actor and codec.actor_text(d.new_actor)
  if actor_text == fields.get('actor') then
    actor_text = nil
  elseif actor_text then
    fields.set('actor', actor_text)
  end
  local changes = reply.changes(changed, removed, actor_text)
  return call.finish(fields, now_ms, keys, args, commands, changes, reply.told(d), reply.capacity(d))
end
