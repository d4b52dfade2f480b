-- view: the fields of a session, read when asked for and written only at the end.
-- requires:
--
-- Redis has no rollback, so nothing is written before every check of every command has passed.

local view = {}

local CHUNK = 1000
function view.char_id(session)
  -- The key's last part, and the session's member in its due queue.
  return string.match(session, '[%x-]+$')
end

function view.number(text)
  -- A number of a session's head, nil for what is none: the same as persistence/sessions/session_state.py takes for one.
  return text and #text <= 15 and string.match(text, '^%d+$') and tonumber(text) or nil
end

local READING = {__index = function(fields, field)
  local value = redis.call('HGET', fields.key, field)
  fields[field] = value
  return value
end}

function view.open(fields)
  -- Makes of a table that has the session's key as its key one that reads what is not in it.
  return setmetatable(fields, READING)
end

function view.fetch(fields, wanted)
  for first = 1, #wanted, CHUNK do
    local last = math.min(first + CHUNK - 1, #wanted)
    local values = redis.call('HMGET', fields.key, unpack(wanted, first, last))
    for index = first, last do
      fields[wanted[index]] = values[index - first + 1]
    end
  end
end

function view.write(session, set, gone)
  for first = 1, #set, 2 * CHUNK do
    redis.call('HSET', session, unpack(set, first, math.min(first + 2 * CHUNK - 1, #set)))
  end
  for first = 1, #gone, CHUNK do
    redis.call('HDEL', session, unpack(gone, first, math.min(first + CHUNK - 1, #gone)))
  end
end
