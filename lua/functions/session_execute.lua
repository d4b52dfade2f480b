-- session_execute: applies a call's commands to a live session, all or nothing.
-- requires: apply, draft, reply, codec, view, node
-- flags:
-- KEYS: session, journal, done, due
-- ARGV: catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, id_prefix, commands, then template_id and facts in turn
-- returns: {"OK", reply body, seq, incarnation} | {"REPLAYED", reply body, seq, incarnation} | {"REFUSED", code, params, op_index}
--          | {"RELOAD", reason} | {"STALE_CATALOG"} | {"TAG_MISMATCH", tag} | {"IDEMPOTENCY_MISMATCH"}
-- journal: one entry for a call that is applied, nothing for any other

local DONE_KEPT = 64
local HEAD = {
  'status', 'gen', 'ruleset', 'catalog', 'seq', 'flushed_seq', 'incarnation', 'dirty_since', 'actor',
  'weight', 'carry',
}

local function remember(done, op_id, payload_hash, body, seq)
  -- A ring of the most recent operations: the slot that this one takes tells which one to forget.
  local slot = 'ring:' .. redis.call('HINCRBY', done, 'count', 1) % DONE_KEPT
  local oldest = redis.call('HGET', done, slot)
  if oldest then
    redis.call('HDEL', done, 'op:' .. oldest)
  end
  redis.call('HSET', done, slot, op_id, 'op:' .. op_id, payload_hash .. seq .. ' ' .. body)
end

local function session_execute(keys, args)
  local session, journal, done, due = unpack(keys)
  local catalog, origin, op_id, payload_hash, if_match, flush_interval_ms, id_prefix, commands = unpack(args, 1, 8)
  local fields = view.open(session, HEAD)
  local now_ms = node.now_ms()
  if fields.get('status') ~= '"LIVE"' then
    return {'RELOAD', 'not live'}
  elseif fields.get('gen') ~= '"' .. node.gen(now_ms) .. '"' then
    return {'RELOAD', 'node'}
  elseif fields.get('ruleset') ~= '"' .. RULESET.hash .. '"' then
    return {'RELOAD', 'ruleset'}
  elseif tonumber(fields.get('catalog')) < tonumber(catalog) then
    return {'RELOAD', 'catalog'}
  elseif tonumber(fields.get('catalog')) > tonumber(catalog) then
    return {'STALE_CATALOG'}
  end
  if op_id ~= '' then
    local stored = redis.call('HGET', done, 'op:' .. op_id)
    if stored then
      local hash, seq, body = string.match(stored, '^(%x+:)(%d+) (.*)$')
      if hash ~= payload_hash then
        return {'IDEMPOTENCY_MISMATCH'}
      end
      return {'REPLAYED', reply.replayed(body), tonumber(seq), tonumber(fields.get('incarnation'))}
    end
  end
  local incarnation, seq = fields.get('incarnation'), tonumber(fields.get('seq'))
  if if_match ~= '' and if_match ~= incarnation .. '.' .. seq then
    return {'TAG_MISMATCH', incarnation .. '.' .. seq}
  end

  local templates = {}
  for index = 9, #args, 2 do
    templates[args[index]] = args[index + 1]
  end
  local d = draft.new(fields, templates, id_prefix)
  local refusal = apply(d, cjson.decode(commands))
  if refusal then
    return {'REFUSED', refusal.code, cjson.encode(refusal.params), refusal.op_index}
  end

  seq = seq + 1
  local changed, removed = draft.store(d)
  local actor_text = d.new_actor and codec.actor_text(d.new_actor)
  if actor_text == fields.get('actor') then
    actor_text = nil
  elseif actor_text then
    fields.set('actor', actor_text)
  end
  local changes = reply.changes(changed, removed, actor_text)
  local body = reply.body(seq, fields.get('flushed_seq'), incarnation, changes, reply.capacity(d))
  fields.set('seq', tostring(seq))
  if not fields.get('dirty_since') then
    fields.set('dirty_since', tostring(now_ms))
    redis.call('ZADD', due, now_ms + flush_interval_ms, view.char_id(session))
  end
  view.write(fields, session)
  redis.call('RPUSH', journal, '{"seq":' .. seq .. ',' .. origin .. ',"commands":' .. commands
    .. ',"changes":' .. changes .. '}')
  if op_id ~= '' then
    remember(done, op_id, payload_hash, body, seq)
  end
  return {'OK', body, seq, tonumber(incarnation)}
end
