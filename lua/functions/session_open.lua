-- session_open: installs what a load has read, unless the session already knows better.
-- requires: node, view
-- flags:
-- KEYS: session, journal, done, fence, due, incident
-- ARGV: gen, read_at_ms, epoch, seq, incarnation, catalog, idle_evict_ms, actor, then field and value in turn
-- returns: {"CREATED" | "REPLACED" | "REFRESHED" | "ADOPTED" | "KEPT", seq, flushed_seq} | {"RETRY"} | {"REJECT"}
-- journal: trimmed to what the snapshot does not have; set aside as an incident when the session is replaced

local SNAPSHOT_AGE_MAX_MS = 30000

local function install(session, args, gen)
  -- The head is written with the fields, so a session is whole or absent.
  redis.call('DEL', session)
  view.set_fields(session, {
    'status', '"LIVE"', 'gen', '"' .. gen .. '"', 'ruleset', '"' .. RULESET.hash .. '"',
    'epoch', args[3], 'seq', args[4], 'flushed_seq', args[4],
    'incarnation', args[5], 'catalog', args[6], 'actor', args[8],
  })
  local fields = {}
  for index = 9, #args do
    fields[#fields + 1] = args[index]
  end
  view.set_fields(session, fields)
end

local function session_open(keys, args)
  local session, journal, done, fence, due, incident = unpack(keys)
  local gen, read_at_ms, epoch, seq, incarnation, catalog, idle_evict_ms, actor = unpack(args, 1, 8)
  local now_ms = node.now_ms()
  -- What was read under another node, or too long ago, may be older than what it would replace.
  if gen ~= node.gen(now_ms) or now_ms - read_at_ms > SNAPSHOT_AGE_MAX_MS then
    return {'RETRY'}
  end
  epoch, seq = tonumber(epoch), tonumber(seq)
  local member = view.char_id(session)
  local head = redis.call('HMGET', session, 'epoch', 'seq', 'flushed_seq', 'ruleset', 'catalog', 'gen')
  if not head[1] then
    if epoch <= tonumber(redis.call('GET', fence) or 0) then
      return {'REJECT'}
    end
    redis.call('DEL', journal, done)
    install(session, args, gen)
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    return {'CREATED', seq, seq}
  end
  local own_seq, own_flushed = tonumber(head[2]), tonumber(head[3])
  if epoch <= tonumber(head[1]) then
    return {'KEPT', own_seq, own_flushed}
  end
  if seq > own_seq then
    -- PostgreSQL is ahead: this is an old state that came back, and nothing in it may be flushed.
    if redis.call('EXISTS', journal) == 1 then
      redis.call('RENAME', journal, incident)
    end
    redis.call('DEL', done)
    install(session, args, gen)
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    return {'REPLACED', seq, seq}
  end
  local other_rules, own_catalog = head[4] ~= '"' .. RULESET.hash .. '"', tonumber(head[5])
  if other_rules and own_catalog > tonumber(catalog) then
    return {'RETRY'}
  end
  if seq == own_seq and (other_rules or own_catalog < tonumber(catalog)) then
    -- The same items under other rules or newer facts: what is derived from them is written anew, and
    -- the incarnation with it, so that a tag never stands for two different answers.
    redis.call('DEL', journal)
    install(session, args, gen)
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    return {'REFRESHED', seq, seq}
  end
  -- Adopt, never overwrite: the session has what PostgreSQL has, and perhaps more.
  local flushed = math.max(own_flushed, seq)
  if flushed > own_flushed then
    redis.call('LTRIM', journal, flushed - own_flushed, -1)
  end
  if head[6] ~= '"' .. gen .. '"' then
    -- The node came back, perhaps without the last commands it had answered: the seqs that follow
    -- may stand for other content than before.
    redis.call('HSET', session, 'incarnation', incarnation)
  end
  redis.call('HSET', session, 'status', '"LIVE"', 'gen', '"' .. gen .. '"', 'epoch', epoch, 'flushed_seq', flushed)
  if flushed == own_seq then
    redis.call('HDEL', session, 'dirty_since')
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
  else
    redis.call('ZADD', due, now_ms, member)
  end
  return {'ADOPTED', own_seq, flushed}
end
