-- session_commit: writes what a call was found to come to elsewhere, if the session is still what it was found from.
-- requires: call
-- flags:
-- KEYS: session, journal, done, due
-- ARGV: catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, unflushed_max_ms, tag, commands, changes, told, capacity, then field and value in turn
-- returns: {"OK", reply body, seq, incarnation} | {"REPLAYED", reply body, seq, incarnation} | {"CONFLICT"} | {"ADMITTED"}
--          | {"RELOAD", reason} | {"STALE_CATALOG"} | {"TAG_MISMATCH", tag} | {"IDEMPOTENCY_MISMATCH"} | {"BACKPRESSURE", unflushed_ms}
-- journal: one entry for a call that is written, nothing for any other
--
-- Commands that no player waits for by the frame, as sorting a container, run in Python on a session
-- that was read. An empty value takes a field away. Without changes nothing is written: a call that
-- was refused asks so whether it had been done before.

local function session_commit(keys, args)
  local session, journal, done, due = unpack(keys)
  local catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, unflushed_max_ms, tag, commands, changes, told, capacity = unpack(args, 1, 12)
  local head, now_ms = call.open(session, {})
  local answer = call.refusal(head, now_ms, done, args)
  if answer then
    return answer
  elseif tag ~= call.tag(head) then
    return {'CONFLICT'}
  elseif changes == '' then
    return {'ADMITTED'}
  end
  local set, gone = {}, {}
  for index = 13, #args, 2 do
    local field, value = args[index], args[index + 1]
    if value ~= '' then
      set[#set + 1], set[#set + 2] = field, value
    else
      gone[#gone + 1] = field
    end
  end
  return call.finish(head, now_ms, keys, args, set, gone, changes, told, capacity)
end
