-- session_open: installs what a load has read, unless the session already knows better.
-- requires: adoption, node, view
-- flags:
-- KEYS: session, journal, done, fence, due, incident
-- ARGV: gen, read_at_ms, epoch, seq, incarnation, line, catalog, idle_evict_ms, actor, remembered, then as many parts of the ring of operations, then field and value in turn
-- returns: {"CREATED" | "REPLACED" | "REFRESHED" | "ADOPTED" | "KEPT", seq, flushed_seq} | {"RETRY"} | {"REJECT"}
-- journal: trimmed to what the snapshot does not have; added to the incidents when the session is replaced

local FIRST, CHUNK = 11, 1000

local function set_all(key, args, first, last)
  -- Straight from the arguments: in a storm of loads, a table made in between costs as much as the rest.
  for at = first, last, 2 * CHUNK do
    redis.call('HSET', key, unpack(args, at, math.min(at + 2 * CHUNK - 1, last)))
  end
end

local function install(session, args, gen, remembered)
  -- The head is written with the fields, so a session is whole or absent. What is remembered of
  -- operations stands before the fields.
  redis.call('DEL', session)
  redis.call('HSET', session,
    'status', '"LIVE"', 'gen', '"' .. gen .. '"', 'ruleset', '"' .. RULESET.hash .. '"',
    'epoch', args[3], 'seq', args[4], 'flushed_seq', args[4],
    'incarnation', args[5], 'catalog', args[7], 'actor', args[9])
  set_all(session, args, FIRST + remembered, #args)
end

local function restore_ring(done, args, remembered)
  -- The ring as PostgreSQL has it, so that an operation is known again however its session ended.
  redis.call('DEL', done)
  set_all(done, args, FIRST, FIRST + remembered - 1)
end

local function set_aside(journal, incident)
  for first = 0, redis.call('LLEN', journal) - 1, CHUNK do
    redis.call('RPUSH', incident, unpack(redis.call('LRANGE', journal, first, first + CHUNK - 1)))
  end
  redis.call('DEL', journal)
end

local function session_open(keys, args)
  local session, journal, done, fence, due, incident = unpack(keys)
  local gen, read_at_ms, epoch, seq, incarnation, line, catalog, idle_evict_ms, actor, remembered = unpack(args, 1, 10)
  local now_ms = node.now_ms()
  if node.is_late(gen, read_at_ms, now_ms) then
    return {'RETRY'}
  end
  epoch, seq, remembered = tonumber(epoch), tonumber(seq), tonumber(remembered)
  local member = view.char_id(session)
  local head = redis.call('HMGET', session, 'epoch', 'seq', 'flushed_seq', 'ruleset', 'catalog', 'gen', 'incarnation')
  if not (head[1] or head[2] or head[3]) then
    if epoch <= tonumber(redis.call('GET', fence) or 0) then
      return {'REJECT'}
    end
    redis.call('DEL', journal)
    restore_ring(done, args, remembered)
    install(session, args, gen, remembered)
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    return {'CREATED', seq, seq}
  end
  local own = adoption.own(head[1], head[2], head[3], head[6], head[7])
  local load = {gen = gen, epoch = epoch, seq = seq, incarnation = incarnation, line = line, idle_evict_ms = idle_evict_ms}
  if epoch <= own.epoch then
    return {'KEPT', own.seq, own.flushed_seq}
  end
  if adoption.is_behind(own, load) then
    -- This is an old state that came back, or one that nobody can read: nothing in it may be flushed.
    set_aside(journal, incident)
    restore_ring(done, args, remembered)
    install(session, args, gen, remembered)
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    return {'REPLACED', seq, seq}
  end
  local other_rules, own_catalog = head[4] ~= '"' .. RULESET.hash .. '"', view.number(head[5]) or 0
  if other_rules and own_catalog > tonumber(catalog) then
    return {'RETRY'}
  end
  if seq == own.seq and (other_rules or own_catalog < tonumber(catalog)) then
    -- The same items under other rules or newer facts: what is derived from them is written anew, and
    -- the incarnation with it, so that a tag never stands for two different answers.
    redis.call('DEL', journal)
    install(session, args, gen, remembered)
    redis.call('ZADD', due, now_ms + idle_evict_ms, member)
    return {'REFRESHED', seq, seq}
  end
  -- Adopt, never overwrite: the session has what PostgreSQL has, and perhaps more.
  return adoption.take({session, journal, due, member}, own, load, now_ms)
end
