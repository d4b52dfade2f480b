-- call: what every call that changes a session begins and ends with.
-- requires: names, node, reply, view
--
-- A call may come only to a live session of this node, these rules and this catalog; one that was
-- done already is answered as it was then; and what it does is journalled, queued and remembered.

local call = {}

local DONE_KEPT = 64
local RULES = '"' .. RULESET.hash .. '"'

-- Places in the head, which every call reads: an array serves it best. The rest of it is in names.
local STATUS, GEN, RULESET_HASH, CATALOG, SEQ, FLUSHED_SEQ, INCARNATION, DIRTY_SINCE = 1, 2, 3, 4, 5, 6, 7, 8

function call.open(session, named)
  -- The values of the head and of the fields that are named, which are going to be asked for; and the time.
  local head = redis.call('HMGET', session, 'status', 'gen', 'ruleset', 'catalog', 'seq', 'flushed_seq',
    'incarnation', 'dirty_since', 'actor', 'weight', 'carry', unpack(named))
  return head, node.now_ms()
end

function call.fields(session, head, named)
  -- The same as a table that reads what is not in it.
  local fields = {key = session, actor = head[names.ACTOR], weight = head[names.WEIGHT], carry = head[names.CARRY]}
  for index = 1, #named do
    fields[named[index]] = head[names.HEAD_SIZE + index]
  end
  return view.open(fields)
end

function call.refusal(head, now_ms, done, args)
  -- The answer when the call is not to be carried out, or nil; args as both functions have them.
  local catalog, op_id, payload_hash, if_match, unflushed_max_ms = args[1], args[3], args[4], args[5], args[7]
  if head[STATUS] ~= '"LIVE"' then
    return {'RELOAD', 'not live'}
  elseif head[GEN] ~= node.gen_text(now_ms) then
    return {'RELOAD', 'node'}
  elseif head[RULESET_HASH] ~= RULES then
    return {'RELOAD', 'ruleset'}
  elseif head[CATALOG] ~= catalog and tonumber(head[CATALOG]) < tonumber(catalog) then
    return {'RELOAD', 'catalog'}
  elseif head[CATALOG] ~= catalog then
    return {'STALE_CATALOG'}
  end
  if op_id ~= '' then
    local stored = redis.call('HGET', done, 'op:' .. op_id)
    if stored then
      local hash, seq, body = string.match(stored, '^(%x+):(%d+) (.*)$')
      if hash ~= payload_hash then
        return {'IDEMPOTENCY_MISMATCH'}
      end
      return {'REPLAYED', reply.replayed(body), tonumber(seq), tonumber(head[INCARNATION])}
    end
  end
  if if_match ~= '' and if_match ~= call.tag(head) then
    return {'TAG_MISMATCH', call.tag(head)}
  end
  -- What waits for PostgreSQL is bounded by age; what was done before is told all the same.
  local unflushed_ms = now_ms - (head[DIRTY_SINCE] or now_ms)
  if unflushed_ms > tonumber(unflushed_max_ms) then
    return {'BACKPRESSURE', unflushed_ms}
  end
end

function call.tag(head)
  return head[INCARNATION] .. '.' .. head[SEQ]
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

function call.finish(head, now_ms, keys, args, set, gone, changes, told, capacity)
  -- Writes what is to be set and to go with the seq that it makes; keys and args as both functions have them.
  local session, journal, done, due = keys[1], keys[2], keys[3], keys[4]
  local origin, op_id, payload_hash, flush_interval_ms, commands = args[2], args[3], args[4], args[6], args[9]
  local incarnation, seq = head[INCARNATION], head[SEQ] + 1
  local seq_text = tostring(seq)
  local body = reply.body(seq_text, head[FLUSHED_SEQ], incarnation, changes, told, capacity)
  set[#set + 1], set[#set + 2] = 'seq', seq_text
  if not head[DIRTY_SINCE] then
    set[#set + 1], set[#set + 2] = 'dirty_since', tostring(now_ms)
    redis.call('ZADD', due, now_ms + flush_interval_ms, view.char_id(session))
  end
  view.write(session, set, gone)
  local remembered = op_id ~= '' and remember(done, op_id, payload_hash, body, seq_text) or ''
  redis.call('RPUSH', journal, '{"seq":' .. seq_text .. ',' .. origin .. ',"commands":' .. commands
    .. ',"changes":' .. changes .. remembered .. '}')
  return {'OK', body, seq, incarnation + 0}
end
