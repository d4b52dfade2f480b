-- JSON as the library meets it: the server's cjson.

local find, sub, byte, char, match = string.find, string.sub, string.byte, string.char, string.match
local null = newproxy and newproxy() or {}
local escapes = {b = '\b', f = '\f', n = '\n', r = '\r', t = '\t'}

local function unescaped(text)
  text = string.gsub(text, '\\u(%x%x%x%x)', function(digits)
    local code = tonumber(digits, 16)
    if code < 0x80 then
      return code == 0x5c and '\\\\' or char(code)
    elseif code < 0x800 then
      return char(0xc0 + math.floor(code / 64), 0x80 + code % 64)
    end
    return char(0xe0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  end)
  return (string.gsub(text, '\\(.)', function(letter) return escapes[letter] or letter end))
end

local read_value

local function read_string(text, at)
  local stop = at
  repeat
    stop = find(text, '["\\]', stop)
    if byte(text, stop) == 92 then
      stop = stop + 2
    else
      break
    end
  until false
  local value = sub(text, at, stop - 1)
  if find(value, '\\', 1, true) then
    value = unescaped(value)
  end
  return value, stop + 1
end

function read_value(text, at)
  at = find(text, '%S', at)
  local first = byte(text, at)
  if first == 34 then
    return read_string(text, at + 1)
  elseif first == 123 then
    local object = {}
    at = find(text, '%S', at + 1)
    while byte(text, at) ~= 125 do
      local key, value
      key, at = read_string(text, find(text, '"', at, true) + 1)
      value, at = read_value(text, find(text, ':', at, true) + 1)
      object[key] = value
      at = find(text, '[,}]', at)
      at = byte(text, at) == 44 and at + 1 or at
    end
    return object, at + 1
  elseif first == 91 then
    local list, count = {}, 0
    at = find(text, '%S', at + 1)
    while byte(text, at) ~= 93 do
      count = count + 1
      list[count], at = read_value(text, at)
      at = find(text, '[,%]]', at)
      at = byte(text, at) == 44 and find(text, '%S', at + 1) or at
    end
    return list, at + 1
  elseif first == 116 then
    return true, at + 4
  elseif first == 102 then
    return false, at + 5
  elseif first == 110 then
    return null, at + 4
  end
  local digits = match(text, '^-?[%d.eE+-]+', at)
  return tonumber(digits), at + #digits
end

local function write_value(value)
  local kind = type(value)
  if kind == 'string' then
    return '"' .. string.gsub(value, '[%c"\\]', function(letter)
      return string.format('\\u%04x', byte(letter))
    end) .. '"'
  elseif kind == 'number' then
    return string.format('%.14g', value)
  elseif kind == 'table' then
    local parts = {}
    if value[1] ~= nil then
      for index, entry in ipairs(value) do
        parts[index] = write_value(entry)
      end
      return '[' .. table.concat(parts, ',') .. ']'
    end
    for key, entry in pairs(value) do
      parts[#parts + 1] = write_value(key) .. ':' .. write_value(entry)
    end
    -- A server has no order here; a schedule that is replayed has to have one.
    table.sort(parts)
    return '{' .. table.concat(parts, ',') .. '}'
  end
  return value == null and 'null' or tostring(value)
end

cjson = {
  null = null,
  encode = write_value,
  decode = function(text)
    return (read_value(text, 1))
  end,
}
