-- Strings, keys of every type, and what a server says of itself.

function commands.GET(key)
  local found = entry(key, 'string')
  return found and found.value or false
end

function commands.SET(key, value, option, seconds)
  current.data[key] = {kind = 'string', value = text_of(value), size = 1}
  current.expires[key] = option == 'EX' and now_us + tonumber(seconds) * 1000000 or nil
  wrote()
  return {ok = 'OK'}
end

function commands.DEL(...)
  local gone = 0
  for index = 1, select('#', ...) do
    local key = select(index, ...)
    expired(current, key)
    if current.data[key] then
      current.data[key], current.expires[key] = nil, nil
      gone = gone + 1
    end
  end
  if gone > 0 then
    wrote()
  end
  return gone
end

function commands.EXISTS(...)
  local there = 0
  for index = 1, select('#', ...) do
    local key = select(index, ...)
    expired(current, key)
    there = there + (current.data[key] and 1 or 0)
  end
  return there
end

function commands.EXPIRE(key, seconds)
  expired(current, key)
  if not current.data[key] then
    return 0
  end
  current.expires[key] = now_us + tonumber(seconds) * 1000000
  wrote()
  return 1
end

function commands.RENAME(key, name)
  expired(current, key)
  if not current.data[key] then
    error('ERR no such key', 0)
  end
  current.data[name], current.expires[name] = current.data[key], current.expires[key]
  if name ~= key then
    current.data[key], current.expires[key] = nil, nil
  end
  wrote()
  return {ok = 'OK'}
end

function commands.PING()
  return {ok = 'PONG'}
end

function commands.TIME()
  return {string.format('%d', math.floor(now_us / 1000000)), string.format('%d', now_us % 1000000)}
end

function commands.INFO()
  return 'run_id:' .. current.run_id .. '\r\nmaster_replid:' .. current.replid .. '\r\n'
end
