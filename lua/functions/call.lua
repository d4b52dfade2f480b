-- call: what every call that changes a session begins and ends with.
-- requires: node, reply, view
--
-- A call may come only to a live session of this node, these rules and this catalog; one that was
-- done already is answered as it was then; and what it does is journalled, queued and remembered.

local call = {}

local DONE_KEPT = 64
local HEAD = {
  'status', 'gen', 'ruleset', 'catalog', 'seq', 'flushed_seq', 'incarnation', 'dirty_since', 'actor',
  'weight', 'carry',
}

function call.open(session)
  local fields = view.open(session, HEAD)
  return fields, node.now_ms()
end

function call.refusal(fields, now_ms, done, args)
  -- The answer when the call is not to be carried out, or nil; args as both functions have them.
  local catalog, _, op_id, payload_hash, if_match, _, unflushed_max_ms = unpack(args, 1, 7)
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
      local hash, seq, body = string.match(stored, '^(%x+):(%d+) (.*)$')
      if hash ~= payload_hash then
        return {'IDEMPOTENCY_MISMATCH'}
      end
      return {'REPLAYED', reply.replayed(body), tonumber(seq), tonumber(fields.get('incarnation'))}
    end
  end
  if if_match ~= '' and if_match ~= call.tag(fields) then
    return {'TAG_MISMATCH', call.tag(fields)}
  end
  -- What waits for PostgreSQL is bounded by age; what was done before is told all the same.
  local unflushed_ms = now_ms - tonumber(fields.get('dirty_since') or now_ms)
  if unflushed_ms > tonumber(unflushed_max_ms) then
    return {'BACKPRESSURE', unflushed_ms}
  end
end

function call.tag(fields)
  return fields.get('incarnation') .. '.' .. fields.get('seq')
end

local function remember(done, op_id, payload_hash, body, seq)
  -- A ring of the most recent operations: the slot that this one takes tells which one to forget.
  -- PostgreSQL keeps the same ring, so the journal entry says what goes where.
  local slot = redis.call('HINCRBY', done, 'count', 1) % DONE_KEPT
  local oldest = redis.call('HGET', done, 'ring:' .. slot)
  if oldest then
    redis.call('HDEL', done, 'op:' .. oldest)
  end
  redis.call('HSET', done, 'ring:' .. slot, op_id, 'op:' .. op_id, payload_hash .. ':' .. seq .. ' ' .. body)
  return ',"done":[' .. slot .. ',"' .. payload_hash .. '",' .. body .. ']'
end

function call.finish(fields, now_ms, keys, args, commands, changes, told, capacity)
  -- Writes what was staged with the seq that it makes; keys and args as both functions have them.
  local session, journal, done, due = unpack(keys)
  local _, origin, op_id, payload_hash, _, flush_interval_ms = unpack(args, 1, 6)
  local incarnation, seq = fields.get('incarnation'), tonumber(fields.get('seq')) + 1
  local body = reply.body(seq, fields.get('flushed_seq'), incarnation, changes, told, capacity)
  fields.set('seq', tostring(seq))
  if not fields.get('dirty_since') then
    fields.set('dirty_since', tostring(now_ms))
    redis.call('ZADD', due, now_ms + flush_interval_ms, view.char_id(session))
  end
  view.write(fields, session)
  local remembered = op_id ~= '' and remember(done, op_id, payload_hash, body, seq) or ''
  redis.call('RPUSH', journal, '{"seq":' .. seq .. ',' .. origin .. ',"commands":' .. commands
    .. ',"changes":' .. changes .. remembered .. '}')
  return {'OK', body, seq, tonumber(incarnation)}
end
