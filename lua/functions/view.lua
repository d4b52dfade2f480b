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

function view.open(session, prefetch)
  local read, staged = {}, {}
  local values = redis.call('HMGET', session, unpack(prefetch))
  for index, field in ipairs(prefetch) do
    read[field] = values[index]
  end
  local self = {read = read, staged = staged}
  function self.get(field)
    local value = staged[field]
    if value == nil then
      value = read[field]
      if value == nil then
        value = redis.call('HGET', session, field)
        read[field] = value
      end
    end
    return value or nil
  end
  function self.set(field, value)
    staged[field] = value or false
  end
  return self
end

function view.write(self, session)
  local set, gone = {}, {}
  for field, value in pairs(self.staged) do
    if value ~= self.read[field] then
      if value then
        set[#set + 1], set[#set + 2] = field, value
      else
        gone[#gone + 1] = field
      end
    end
  end
  view.set_fields(session, set)
  for first = 1, #gone, CHUNK do
    redis.call('HDEL', session, unpack(gone, first, math.min(first + CHUNK - 1, #gone)))
  end
end

function view.set_fields(session, pairs_list)
  for first = 1, #pairs_list, 2 * CHUNK do
    redis.call('HSET', session, unpack(pairs_list, first, math.min(first + 2 * CHUNK - 1, #pairs_list)))
  end
end
