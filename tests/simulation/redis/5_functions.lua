-- The function library: loaded, called, vanished.

redis = {}

function redis.call(name, ...)
  local command = commands[name]
  if not command then
    error('ERR unknown command ' .. tostring(name), 0)
  end
  return command(...)
end

function redis.register_function(terms)
  local flags = {}
  for _, flag in ipairs(terms.flags or {}) do
    flags[flag] = true
  end
  current.functions[terms.function_name] = {call = terms.callback, flags = flags}
end

local compiled = {}

local function run_library(code)
  if not compiled[code] then
    compiled[code] = assert(loadstring((string.gsub(code, '^#![^\n]*', '', 1))))
  end
  compiled[code]()
end

function commands.FUNCTION(what, ...)
  if what == 'LOAD' then
    local code = select(select('#', ...), ...)
    local name = match(code, '^#!lua name=(%S+)')
    current.libraries[name] = code
    run_library(code)
    return name
  elseif what == 'FLUSH' then
    current.libraries, current.functions = {}, {}
    return {ok = 'OK'}
  elseif what == 'LIST' then
    return current.libraries[select(2, ...)] and {'there'} or {}
  end
  error('ERR unknown subcommand', 0)
end

function commands.FCALL(name, count, ...)
  local found = current.functions[name]
  if not found then
    error('ERR Function not found', 0)
  end
  if current.full and not (found.flags['allow-oom'] or found.flags['no-writes']) then
    error("OOM command not allowed when used memory > 'maxmemory'.", 0)
  end
  local keys, args = {...}, {}
  count = tonumber(count)
  for index = count + 1, #keys do
    args[index - count], keys[index] = keys[index], nil
  end
  return found.call(keys, args)
end
