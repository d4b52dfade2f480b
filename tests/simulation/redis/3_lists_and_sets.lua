-- Lists and sorted sets.

function commands.RPUSH(key, ...)
  local found = made(key, 'list')
  for index = 1, select('#', ...) do
    found.size = found.size + 1
    found.map[found.size] = text_of(select(index, ...))
  end
  wrote()
  return found.size
end

function commands.LLEN(key)
  local found = entry(key, 'list')
  return found and found.size or 0
end

function commands.LINDEX(key, index)
  local found = entry(key, 'list')
  index = tonumber(index)
  return found and found.map[index < 0 and found.size + index + 1 or index + 1] or false
end

function commands.LRANGE(key, first, last)
  local found, values = entry(key, 'list'), {}
  if found then
    first, last = range(found, first, last)
    for index = first, last do
      values[#values + 1] = found.map[index]
    end
  end
  return values
end

function commands.LTRIM(key, first, last)
  local found = entry(key, 'list')
  if found then
    local kept, size = {}, 0
    first, last = range(found, first, last)
    for index = first, last do
      size = size + 1
      kept[size] = found.map[index]
    end
    found.map, found.size = kept, size
    shrunk(key, found)
    wrote()
  end
  return {ok = 'OK'}
end

function commands.LREM(key, count, value)
  local found, kept, size, left = entry(key, 'list'), {}, 0, tonumber(count)
  for index = 1, found and found.size or 0 do
    if found.map[index] == value and left > 0 then
      left = left - 1
    else
      size = size + 1
      kept[size] = found.map[index]
    end
  end
  local gone = found and found.size - size or 0
  if gone > 0 then
    found.map, found.size = kept, size
    shrunk(key, found)
    wrote()
  end
  return gone
end

function commands.ZADD(key, ...)
  local found, added, parts = made(key, 'zset'), 0, {...}
  for index = 1, #parts, 2 do
    local member = parts[index + 1]
    if found.map[member] == nil then
      added = added + 1
    end
    found.map[member] = tonumber(parts[index])
  end
  found.size = found.size + added
  wrote()
  return added
end

function commands.ZREM(key, ...)
  local found, gone = entry(key, 'zset'), 0
  for index = 1, found and select('#', ...) or 0 do
    local member = select(index, ...)
    if found.map[member] ~= nil then
      found.map[member], gone = nil, gone + 1
    end
  end
  if gone > 0 then
    found.size = found.size - gone
    shrunk(key, found)
    wrote()
  end
  return gone
end

function commands.ZSCORE(key, member)
  local found = entry(key, 'zset')
  local score = found and found.map[member]
  return score and string.format('%.17g', score) or false
end

function commands.ZCARD(key)
  local found = entry(key, 'zset')
  return found and found.size or 0
end

local function by_score(key)
  local found, members = entry(key, 'zset'), {}
  for member in pairs(found and found.map or {}) do
    members[#members + 1] = member
  end
  table.sort(members, function(a, b)
    local one, other = found.map[a], found.map[b]
    return one < other or one == other and a < b
  end)
  return members, found and found.map
end

function commands.ZRANGE(key, first, last, with)
  local members, scores = by_score(key)
  first, last = range({size = #members}, first, last)
  local values = {}
  for index = first, last do
    values[#values + 1] = members[index]
    if with then
      values[#values + 1] = string.format('%.17g', scores[members[index]])
    end
  end
  return values
end

local function bound(text)
  return text == '-inf' and -math.huge or text == '+inf' and math.huge or tonumber(text)
end

function commands.ZRANGEBYSCORE(key, low, high, _, offset, limit)
  local members, scores = by_score(key)
  local values, skip = {}, tonumber(offset or 0)
  low, high, limit = bound(low), bound(high), tonumber(limit or -1)
  for _, member in ipairs(members) do
    if scores[member] >= low and scores[member] <= high then
      if skip > 0 then
        skip = skip - 1
      elseif limit < 0 or #values < limit then
        values[#values + 1] = member
      end
    end
  end
  return values
end
