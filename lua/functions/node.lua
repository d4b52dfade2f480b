-- node: which server this is, and what time it has.
-- requires:
--
-- A node's gen changes when it restarts and when it is promoted; run_id alone stays what it was
-- after primary, replica, primary. Reading it costs more than a move, so it is kept and read
-- again once the server's time has moved 100 ms.

local node = {}

local kept_gen, kept_text, kept_at_ms = nil, nil, 0

function node.now_ms()
  local time = redis.call('TIME')
  local us = time[2] + 0
  return time[1] * 1000 + (us - us % 1000) / 1000
end

function node.gen(now_ms)
  if not kept_gen or now_ms < kept_at_ms or now_ms - kept_at_ms >= 100 then
    local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
    local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
    kept_gen, kept_at_ms = run_id .. ':' .. replid, now_ms
    kept_text = '"' .. kept_gen .. '"'
  end
  return kept_gen, kept_text
end

function node.gen_text(now_ms)
  -- The same as a session's field has it.
  local _, text = node.gen(now_ms)
  return text
end

local SNAPSHOT_AGE_MAX_MS = 30000

function node.is_late(gen, read_at_ms, now_ms)
  -- What was read under another node, or too long ago, may be older than what it would replace.
  return gen ~= node.gen(now_ms) or now_ms - read_at_ms > SNAPSHOT_AGE_MAX_MS
end
