-- A node of Redis, as far as the function library can tell one from the real thing.
--
-- It has the commands that the library and its callers use, no others; an unknown one is an error, so that
-- whoever begins to use one finds out here. A test plays the same commands on a real server.

-- The node that is asked, and its time in microseconds.
local current, now_us

local function text_of(value)
  return type(value) == 'number' and string.format('%.17g', value) or value
end

local function expired(node, key)
  local at = node.expires[key]
  if at and at <= now_us then
    node.data[key], node.expires[key] = nil, nil
  end
end

local function entry(key, kind)
  if current.expires[key] then
    expired(current, key)
  end
  local found = current.data[key]
  if found and found.kind ~= kind then
    error('WRONGTYPE Operation against a key holding the wrong kind of value', 0)
  end
  return found
end

local function made(key, kind)
  local found = entry(key, kind)
  if not found then
    found = {kind = kind, map = {}, size = 0}
    current.data[key] = found
  end
  return found
end

local function wrote()
  current.writes = current.writes + 1
end

local function shrunk(key, found)
  if found.size == 0 then
    current.data[key], current.expires[key] = nil, nil
  end
end

-- The bounds of a list as LRANGE and LTRIM take them, from 1.
local function range(found, first, last)
  first, last = tonumber(first), tonumber(last)
  if first < 0 then
    first = math.max(found.size + first, 0)
  end
  if last < 0 then
    last = found.size + last
  end
  return first + 1, math.min(last + 1, found.size)
end

local commands = {}

function commands.HGET(key, field)
  local found = entry(key, 'hash')
  return found and found.map[field] or false
end

function commands.HMGET(key, ...)
  local found, values = entry(key, 'hash'), {}
  for index = 1, select('#', ...) do
    values[index] = found and found.map[select(index, ...)] or false
  end
  return values
end

function commands.HGETALL(key)
  local found, names, flat = entry(key, 'hash'), {}, {}
  for field in pairs(found and found.map or {}) do
    names[#names + 1] = field
  end
  table.sort(names)
  for _, field in ipairs(names) do
    flat[#flat + 1], flat[#flat + 2] = field, found.map[field]
  end
  return flat
end

function commands.HSET(key, ...)
  local found, added, parts = made(key, 'hash'), 0, {...}
  for index = 1, #parts, 2 do
    local field = text_of(parts[index])
    if found.map[field] == nil then
      added = added + 1
    end
    found.map[field] = text_of(parts[index + 1])
  end
  found.size = found.size + added
  wrote()
  return added
end

function commands.HDEL(key, ...)
  local found, gone = entry(key, 'hash'), 0
  for index = 1, found and select('#', ...) or 0 do
    local field = select(index, ...)
    if found.map[field] ~= nil then
      found.map[field], gone = nil, gone + 1
    end
  end
  if gone > 0 then
    found.size = found.size - gone
    shrunk(key, found)
    wrote()
  end
  return gone
end

function commands.HLEN(key)
  local found = entry(key, 'hash')
  return found and found.size or 0
end

function commands.HINCRBY(key, field, by)
  local found = made(key, 'hash')
  local value = tonumber(found.map[field] or 0) + tonumber(by)
  if found.map[field] == nil then
    found.size = found.size + 1
  end
  found.map[field] = string.format('%d', value)
  wrote()
  return value
end
